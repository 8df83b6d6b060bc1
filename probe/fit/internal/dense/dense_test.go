package dense

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func random(n int) []float64 {
	r := rand.New(rand.NewPCG(uint64(n), 1))
	x := make([]float64, n)
	for i := range x {
		x[i] = r.NormFloat64()
	}
	return x
}

// near allows one rounding of every product and every sum.
func near(t *testing.T, what string, got, want []float64, terms int) {
	t.Helper()
	for i, w := range want {
		bound := float64(terms+2) * 0x1p-50 * max(1, math.Abs(w))
		if !(math.Abs(got[i]-w) <= bound) {
			t.Fatalf("%s: value %d: got %v, want %v", what, i, got[i], w)
		}
	}
}

func TestMulTrans(t *testing.T) {
	forKernels(t, func(t *testing.T) {
		for _, s := range [][3]int{{4, 4, 32}, {8, 12, 64}, {64, 4, 160}, {4, 40, 768}, {0, 4, 32}, {4, 4, 0}} {
			m, n, d := s[0], s[1], s[2]
			a, b := random(m*d), random(n*d)
			want := make([]float64, m*n)
			for i := range m {
				for j := range n {
					for p := range d {
						want[i*n+j] += a[i*d+p] * b[j*d+p]
					}
				}
			}
			got := random(m*n + 3) // its old values must have no effect; the values behind must not change
			tail := slices.Clone(got[m*n:])
			MulTrans(got, a, b, m, n, d)
			near(t, fmt.Sprint(s), got, want, d)
			if !slices.Equal(got[m*n:], tail) {
				t.Errorf("%v: wrote beyond dst", s)
			}
		}
	})
}

func TestAddTransMul(t *testing.T) {
	forKernels(t, func(t *testing.T) {
		for _, s := range [][3]int{{1, 4, 32}, {7, 12, 64}, {64, 4, 160}, {9, 40, 768}, {0, 4, 32}} {
			m, n, d := s[0], s[1], s[2]
			a, b := random(m*n), random(m*d)
			got := random(n*d + 3)
			want := slices.Clone(got)
			for i := range n {
				for j := range d {
					for p := range m {
						want[i*d+j] += a[p*n+i] * b[p*d+j]
					}
				}
			}
			AddTransMul(got, a, b, m, n, d)
			near(t, fmt.Sprint(s), got, want, m)
		}
	})
}

func TestAddGram(t *testing.T) {
	forKernels(t, func(t *testing.T) {
		for _, s := range [][2]int{{1, 32}, {9, 64}, {70, 96}} {
			m, d := s[0], s[1]
			a, b := random(m*d), random(2 * m * d)[m*d:]
			got, full := make([]float64, d*d), make([]float64, d*d)
			AddGram(got, a, b, m, d)
			AddTransMul(full, a, b, m, d, d)
			for i := range d {
				near(t, fmt.Sprint(s, " row ", i), got[i*d:i*d+i+1], full[i*d:i*d+i+1], m)
			}
		}
	})
}

func TestCenter(t *testing.T) {
	forKernels(t, func(t *testing.T) {
		for n := range 13 {
			src, mean, scale := make([]float32, n), random(n), random(n)
			for i := range src {
				src[i] = float32(i) * 1.1
			}
			got, want := make([]float64, n+1), make([]float64, n)
			got[n] = 7
			centerGo(want, src, mean, scale)
			Center(got, src, mean, scale)
			if !slices.Equal(got[:n], want) || got[n] != 7 {
				t.Errorf("%d values: got %v, want %v", n, got, want)
			}
		}
	})
}

func TestWiden(t *testing.T) {
	forKernels(t, func(t *testing.T) {
		for n := range 13 {
			src, got := randomSingle(n), make([]float64, n+1)
			got[n] = 7
			Widen(got, src)
			for i, v := range src {
				if got[i] != float64(v) {
					t.Errorf("%d values: %d: got %v, want %v", n, i, got[i], v)
				}
			}
			if got[n] != 7 {
				t.Errorf("%d values: wrote beyond dst", n)
			}
		}
	})
}

func TestSizesAreChecked(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("3 rows are no panic")
		}
	}()
	MulTrans(make([]float64, 12), make([]float64, 96), make([]float64, 128), 3, 4, 32)
}

// Only the ratio between the kernels is meaningful.
func BenchmarkMulTrans(b *testing.B) {
	x, w, dst := random(64*768), random(40*768), make([]float64, 64*40)
	benchKernels(b, 2*64*40*768, func() { MulTrans(dst, x, w, 64, 40, 768) })
}

func BenchmarkAddTransMul(b *testing.B) {
	x, r, dst := random(64*768), random(64*40), make([]float64, 40*768)
	benchKernels(b, 2*64*40*768, func() { AddTransMul(dst, r, x, 64, 40, 768) })
}

func benchKernels(b *testing.B, flops float64, f func()) {
	forKernels(b, func(b *testing.B) {
		for b.Loop() {
			f()
		}
		b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
	})
}
