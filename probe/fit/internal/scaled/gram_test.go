package scaled_test

import (
	"math"
	"slices"
	"testing"

	"github.com/wiseft/wiseft/probe/fit/internal/fittest"
	"github.com/wiseft/wiseft/probe/fit/internal/scaled"
)

func TestGram(t *testing.T) {
	t.Parallel()
	const n, d = 6*scaled.BlockRows + 5, 40
	table := fittest.Blobs(n, d, 3)
	h := make([]float64, n)
	for i := range h {
		h[i] = float64(i%5) / 2
	}
	for _, c := range []struct {
		h      []float64
		stride int
	}{{nil, 1}, {h, 1}, {h, 3}, {nil, 9}} {
		rows := scaled.New(table, 1)
		got, again := make([]float64, rows.Width*rows.Width), make([]float64, rows.Width*rows.Width)
		seen := 0.0
		visit := func(b *scaled.Block) {
			for i := range b.N {
				seen += b.X[i*rows.Width+d] * b.X[i*rows.Width+d]
			}
		}
		err := rows.Gram(t.Context(), got, c.h, c.stride, visit)
		rows.Workers = 3
		if err2 := rows.Gram(t.Context(), again, c.h, c.stride, nil); err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		if !slices.Equal(got, again) {
			t.Errorf("stride %d: 3 workers give other sums than 1", c.stride)
		}
		if total := got[d*rows.Width+d]; !(math.Abs(seen-total) <= 1e-9) {
			t.Errorf("stride %d: visited rows of weight %v, of %v", c.stride, seen, total)
		}
		value := func(i, j int) float64 {
			if j == d {
				return 1
			}
			return float64(table.X[i*d+j])
		}
		for p := range d + 1 {
			for q := range p + 1 {
				want := 0.0
				for i := range n {
					if i/scaled.BlockRows%c.stride != 0 {
						continue
					}
					weight := 1.0
					if c.h != nil {
						weight = c.h[i]
					}
					want += weight * value(i, p) * value(i, q)
				}
				if v := got[p*rows.Width+q]; !(math.Abs(v-want) <= n*0x1p-50*max(1, math.Abs(want))) {
					t.Fatalf("stride %d: sum %d, %d: got %v, want %v", c.stride, p, q, v, want)
				}
			}
		}
	}
}
