package pair

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// corpusCosines compares whole weights of the corpus and caches their values.
type corpusCosines map[corpusKey][]float64

type corpusKey struct {
	tensor *onnx.Tensor
	perm   string
}

func (l corpusCosines) similarity(a, b *onnx.Tensor, perm []int) (float64, bool, error) {
	if a.DType != onnx.Float32 || b.DType != onnx.Float32 {
		return 0, false, nil
	}
	x, err := l.values(a, perm)
	if err != nil {
		return 0, false, err
	}
	y, err := l.values(b, nil)
	if err != nil {
		return 0, false, err
	}
	cosine, ok := Cosine(x, y, IsVector(b.Dims))
	return cosine, ok, nil
}

func (l corpusCosines) values(t *onnx.Tensor, perm []int) ([]float64, error) {
	key := corpusKey{t, fmt.Sprint(perm)}
	if l[key] != nil {
		return l[key], nil
	}
	data := make([]byte, t.SizeBytes())
	if err := t.ReadAt(data, 0); err != nil {
		return nil, err
	}
	values := make([]float64, t.Len())
	for i := range values {
		values[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:])))
	}
	if perm != nil {
		whole := perm // with the axes of length 1, which Pair.Perm omits
		for axis, d := range t.Dims {
			if d == 1 {
				whole = append(whole[:len(whole):len(whole)], axis)
			}
		}
		values, _ = transpose(values, t.Dims, whole)
	}
	l[key] = values
	return values, nil
}

// found returns the pairs that Find finds among the weights of b.
func found(t *testing.T, a, b corpusFile, similarity Likeness) map[string]pairing {
	t.Helper()
	al, err := Find(t.Context(), a.model, b.model, similarity)
	if err != nil {
		t.Fatal(err)
	}
	pairs := map[string]pairing{}
	for _, p := range al.Pairs {
		if p.B.DType.IsFloat() && len(p.Tied) == 0 {
			pairs[p.B.ID()] = pairing{p.A.ID(), p.Perm}
		}
	}
	return pairs
}

// No weight is paired with a wrong one, between any two exports. Two exports of one kind pair completely, with equal
// or other names. With weight values as evidence, most exports of different kinds do, too.
func TestFindMakesNoMistake(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		similarity Likeness
		right      int // at least
	}{{"structure", nil, 24000}, {"structure and weights", corpusCosines{}.similarity, 32000}} {
		var all score
		sums := map[string]*score{}
		var order []string
		corpusPairs(t, func(t *testing.T, a, b corpusFile) {
			got := judge(a, b, found(t, a, b, c.similarity))
			if got.wrong > 0 {
				t.Errorf("%s and %s by %s: %d weights are paired with others", a.File, b.File, c.name, got.wrong)
			}
			row := relation(a, b)
			if sums[row] == nil {
				sums[row] = &score{}
				order = append(order, row)
			}
			sums[row].add(got)
			all.add(got)
		})
		slices.Sort(order)
		for _, row := range order {
			t.Logf("%-42s %v", row, sums[row])
		}
		t.Logf("%-42s %v, by %s", "all", all, c.name)
		for _, export := range []string{"fold", "keep", "hashed", "opset11", "opset17", "opset20", "dynamo",
			"dynamo_optimized", "slim", "slim_keep"} {
			if s := sums["the same export, "+export]; s == nil || s.missed*50 > s.right {
				t.Errorf("two exports of one kind, %s, by %s: %v", export, c.name, s)
			}
		}
		if all.right < c.right {
			t.Errorf("%d weights are paired by %s", all.right, c.name)
		}
	}
}
