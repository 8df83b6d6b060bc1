package definite

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

func TestSolve(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 32, 64, 96, 160, 256} {
		a, want := gram(n, 1), make([]float64, 3*n)
		for i := range want {
			want[i] = math.Sin(float64(i))
		}
		b := make([]float64, len(want))
		for i := range b {
			row, x := i%max(1, n), want[i/n*n:]
			for p := range n {
				b[i] += a[max(row, p)*n+min(row, p)] * x[p]
			}
		}
		got, again := slices.Clone(b), slices.Clone(b)
		if !Solve(1, slices.Clone(a), n, got) || !Solve(3, a, n, again) {
			t.Fatalf("%d rows are not positive definite", n)
		}
		if !slices.Equal(got, again) {
			t.Errorf("%d rows: 3 workers give another solution than 1", n)
		}
		for i, w := range want {
			if !(math.Abs(got[i]-w) <= 1e-11) { // the condition number is below 100, times n roundings
				t.Fatalf("%d rows: value %d: got %v, want %v", n, i, got[i], w)
			}
		}
	}
	for _, n := range []int{32, 96, 160} {
		if Solve(1, gram(n, -1000), n, make([]float64, n)) {
			t.Errorf("%d rows, not positive definite: a solution", n)
		}
	}
}

// A matrix whose condition number is 1e12 has solutions with small residuals, as of an elimination without blocks.
func TestSolveIllConditioned(t *testing.T) {
	t.Parallel()
	const n = 160
	a, b, scale := gram(n, 1), make([]float64, n), make([]float64, n)
	for i := range n {
		scale[i] = math.Pow(10, -6*float64(i)/n)
		b[i] = scale[i]
	}
	for i := range n {
		for j := range n {
			a[i*n+j] *= scale[i] * scale[j]
		}
	}
	x := slices.Clone(b)
	if !Solve(1, slices.Clone(a), n, x) {
		t.Fatal("not positive definite")
	}
	for i := range n {
		sum, size := -b[i], math.Abs(b[i])
		for p, v := range x {
			c := a[max(i, p)*n+min(i, p)]
			sum, size = sum+c*v, size+math.Abs(c*v)
		}
		if !(math.Abs(sum) <= n*0x1p-52*size) { // n roundings
			t.Errorf("equation %d: residual %v of terms of %v", i, sum, size)
		}
	}
}

func BenchmarkSolve(b *testing.B) {
	for _, n := range []int{192, 800} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			a, x := gram(n, 1), make([]float64, 40*n)
			work := make([]float64, len(a))
			for b.Loop() {
				copy(work, a)
				if !Solve(1, work, n, x) {
					b.Fatal("not positive definite")
				}
			}
			b.ReportMetric(float64(n*n)*(float64(n)/3+80)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}
