package definite

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// gram returns a random X^T X + ridge (n x n), with arbitrary values above its diagonal.
func gram(n int, ridge float64) []float64 {
	r := rand.New(rand.NewPCG(uint64(n), 7))
	x, a := make([]float64, 2*n*n), make([]float64, n*n)
	for i := range x {
		x[i] = r.NormFloat64()
	}
	for i := range n {
		for j := range n {
			if j > i {
				a[i*n+j] = math.NaN()
				continue
			}
			for p := range 2 * n {
				a[i*n+j] += x[p*n+i] * x[p*n+j]
			}
		}
		a[i*n+i] += ridge
	}
	return a
}

func TestInvert(t *testing.T) {
	t.Parallel()
	for _, n := range []int{32, 64, 96, 160} {
		a := gram(n, 1)
		inverse, again := slices.Clone(a), slices.Clone(a)
		if !Invert(1, inverse, n) || !Invert(3, again, n) {
			t.Fatalf("%d rows are not positive definite", n)
		}
		if !slices.Equal(inverse, again) {
			t.Errorf("%d rows: 3 workers give another inverse than 1", n)
		}
		for i := range n {
			for j := range n {
				sum := 0.0
				for p := range n {
					sum += a[max(i, p)*n+min(i, p)] * inverse[p*n+j]
				}
				want := 0.0
				if i == j {
					want = 1
				}
				if !(math.Abs(sum-want) <= 1e-11) { // the condition number is below 100, times n roundings
					t.Fatalf("%d rows: product %d, %d: got %v, want %v", n, i, j, sum, want)
				}
			}
		}
	}
	if Invert(1, gram(96, -1000), 96) {
		t.Error("a matrix that is not positive definite is inverted")
	}
}
