package pair

import (
	"math"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
)

// No vector that is similar is left out, also not one without a direction, and most of the others are.
func TestDirectionsLeaveNoSimilarVectorOut(t *testing.T) {
	t.Parallel()
	const n = 8
	var b onnxtest.Builder
	start := onnxtest.Random(1, n)
	values := [][]float64{start, make([]float64, n), {1, 1, 1, 1, 1, 1, 1, 1}, {math.Inf(1), 0, 0, 0, 0, 0, 0, 1}}
	for seed := range uint64(200) {
		near := onnxtest.Random(seed+10, n)
		for i := range near {
			near[i] = 3 + start[i]*2 + near[i]*float64(seed)/100
		}
		values = append(values, near, onnxtest.Random(seed+1000, n))
	}
	for i, v := range values {
		b.Tensor(string(rune('A'+i)), v, n)
	}
	b.Node("y", "Add", "x", "A")
	m := b.Open(t)
	var uses []*use
	for _, tensor := range m.Tensors {
		uses = append(uses, &use{permuted: &permuted{tensor: tensor, shape: []int64{n}}})
	}
	s := &search{directions: map[uint64]*directions{}}
	d := s.directionsOf(1, uses)
	if d == nil || s.directionsOf(1, uses) != d || s.directionsOf(2, uses[:3]) != nil || s.directionsOf(3, nil) != nil {
		t.Fatal("directions of few vectors, or none of many, or made again")
	}
	numbers := func(t *onnx.Tensor) []float64 { x, _ := vectorValues(t); return x }
	out := 0
	for _, of := range uses[:4] {
		unit := direction(of, n)
		for i, u := range uses {
			for _, r := range []float64{-1, .5, .9, .999, 1} {
				cosine, ok := Cosine(numbers(of.tensor), numbers(u.tensor), true)
				switch reaches := d.reaches(unit, i, r); {
				case ok && cosine >= r && !reaches:
					t.Errorf("vector %d with a correlation of %v is left out at %v", i, cosine, r)
				case !reaches:
					out++
				}
			}
		}
	}
	if out < len(uses)*2 {
		t.Errorf("%d of %d are left out", out, len(uses)*5)
	}
}
