package wiseft

import (
	"math"
	"slices"
	"testing"

	"github.com/wiseft/wiseft/probe"
)

// A difference in rounding may flip single samples behind a selection; a wrong weight changes all.
func TestMostSamplesMustAgree(t *testing.T) {
	t.Parallel()
	const samples, size = 8, 16
	a := make([]float32, samples*size)
	for i := range a {
		a[i] = float32(math.Sin(float64(i)))
	}
	for _, c := range []struct {
		flipped   int
		selective bool
		want      verdict
		agree     float64
	}{
		{0, false, equal, 1}, {0, true, equal, 1}, {1, false, unequal, 1}, {1, true, equal, 7. / 8}, {3, true, equal, 5. / 8},
		{4, true, unequal, 1}, {8, true, unequal, 1},
	} {
		b := slices.Clone(a)
		for i := range b {
			b[i] += 1e-6
			if i < c.flipped*size {
				b[i] += .5
			}
		}
		shape := []int64{samples, size}
		pair := pairedValues{{{X: a, Shape: shape}}, {{X: b, Shape: shape}}}
		got := comparison{tolerance: 1e-3, selective: c.selective, samples: samples}.compare(pair)
		if got.verdict != c.want || got.agree != c.agree || (got.largest > 1e-3) != (c.want == unequal) {
			t.Errorf("%d flipped, selective %v: %+v, want %v with %v", c.flipped, c.selective, got, c.want, c.agree)
		}
	}
}

// Values of other shapes are equal in some order of their axes, or not comparable; what no weight can change is not,
// either.
func TestShapesOfValues(t *testing.T) {
	t.Parallel()
	batch := func(shape []int64, x ...float32) probe.Batch { return probe.Batch{X: x, Shape: shape} }
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for name, c := range map[string]struct {
		a, b probe.Batch
		want verdict
	}{
		"equal":               {batch([]int64{2, 3}, 1, 2, 3, 4, 5, 6), batch([]int64{2, 3}, 1, 2, 3, 4, 5, 6), equal},
		"axes of length 1":    {batch([]int64{2, 3}, 1, 2, 3, 4, 5, 6), batch([]int64{2, 1, 3}, 1, 2, 3, 4, 5, 6), equal},
		"transposed":          {batch([]int64{2, 3}, 1, 2, 3, 4, 5, 6), batch([]int64{3, 2}, 1, 4, 2, 5, 3, 6), equal},
		"flattened":           {batch([]int64{2, 3}, 1, 2, 3, 4, 5, 6), batch([]int64{6}, 1, 2, 3, 4, 5, 6), equal},
		"other elements":      {batch([]int64{2, 3}, 1, 2, 3, 4, 5, 6), batch([]int64{2, 3}, 1, 2, 3, 4, 5, 7), unequal},
		"another order":       {batch([]int64{2, 3}, 1, 2, 3, 4, 5, 6), batch([]int64{3, 2}, 6, 5, 4, 3, 2, 1), incomparable},
		"another size":        {batch([]int64{2, 3}, 1, 2, 3, 4, 5, 6), batch([]int64{2, 2}, 1, 2, 3, 4), incomparable},
		"zeros":               {batch([]int64{3}, 0, 0, 0), batch([]int64{3}, 0, 0, 0), incomparable},
		"a constant":          {batch([]int64{3}, 2, 2, 2), batch([]int64{3}, 2, 2, 2), incomparable},
		"the same infinities": {batch([]int64{3}, 1, inf, nan), batch([]int64{3}, 1, inf, nan), equal},
		"a new NaN":           {batch([]int64{3}, 1, 2, 3), batch([]int64{3}, 1, 2, nan), unequal},
		"a new infinity":      {batch([]int64{3}, 1, 2, 3), batch([]int64{3}, 1, 2, inf), unequal},
	} {
		got := comparison{tolerance: 1e-3, samples: 2}.compare(pairedValues{{c.a}, {c.b}})
		if got.verdict != c.want {
			t.Errorf("%s: %+v, want %v", name, got, c.want)
		}
	}
}
