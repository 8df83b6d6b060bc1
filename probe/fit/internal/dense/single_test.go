package dense

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

func randomSingle(n int) []float32 {
	x := make([]float32, n)
	for i, v := range random(n) {
		x[i] = float32(v)
	}
	return x
}

// nearSingle allows one rounding of every product and every sum.
func nearSingle(t *testing.T, what string, got []float32, want []float64, terms int) {
	t.Helper()
	for i, w := range want {
		bound := float64(terms+2) * 0x1p-23 * max(1, math.Abs(w))
		if !(math.Abs(float64(got[i])-w) <= bound) {
			t.Fatalf("%s: value %d: got %v, want %v", what, i, got[i], w)
		}
	}
}

func TestMulTransSingle(t *testing.T) {
	forKernels(t, func(t *testing.T) {
		for _, s := range [][3]int{{4, 4, 32}, {8, 12, 64}, {64, 4, 160}, {4, 40, 768}, {0, 4, 32}, {4, 4, 0}} {
			m, n, d := s[0], s[1], s[2]
			a, b := randomSingle(m*d), randomSingle(n*d)
			want := make([]float64, m*n)
			for i := range m {
				for j := range n {
					for p := range d {
						want[i*n+j] += float64(a[i*d+p]) * float64(b[j*d+p])
					}
				}
			}
			got := randomSingle(m*n + 3) // its old values must have no effect; the values behind must not change
			tail := slices.Clone(got[m*n:])
			MulTransSingle(got, a, b, m, n, d)
			nearSingle(t, fmt.Sprint(s), got, want, d)
			if !slices.Equal(got[m*n:], tail) {
				t.Errorf("%v: wrote beyond dst", s)
			}
			for _, ahead := range []int{0, 1, 15, 64 * d} {
				again := randomSingle(m * n)
				MulTransSingleAhead(again, a, b, m, n, d, randomSingle(ahead))
				if !slices.Equal(again, got[:m*n]) {
					t.Errorf("%v: other products with %d numbers ahead", s, ahead)
				}
			}
		}
	})
}

func TestAddTransMulSingle(t *testing.T) {
	forKernels(t, func(t *testing.T) {
		for _, s := range [][3]int{{1, 4, 32}, {7, 12, 64}, {64, 4, 160}, {9, 40, 768}, {0, 4, 32}} {
			m, n, d := s[0], s[1], s[2]
			a, b := randomSingle(m*n), randomSingle(m*d)
			got := randomSingle(n*d + 3)
			want, tail := make([]float64, n*d), slices.Clone(got[n*d:])
			for i := range n {
				for j := range d {
					want[i*d+j] = float64(got[i*d+j])
					for p := range m {
						want[i*d+j] += float64(a[p*n+i]) * float64(b[p*d+j])
					}
				}
			}
			AddTransMulSingle(got, a, b, m, n, d)
			nearSingle(t, fmt.Sprint(s), got, want, m)
			if !slices.Equal(got[n*d:], tail) {
				t.Errorf("%v: wrote beyond dst", s)
			}
		}
	})
}

// A mean of a million leaves differences of the order of 1 with all their digits.
func TestCenterSingle(t *testing.T) {
	forKernels(t, func(t *testing.T) {
		for n := range 19 {
			src, mean, low, scale := make([]float32, n), make([]float32, n), make([]float32, n), randomSingle(n)
			want := make([]float64, n)
			for i := range src {
				src[i] = 1e6 + float32(i)/8
				exact := 1e6 + 0.123456789*float64(i)
				mean[i] = float32(exact)
				low[i] = float32(exact - float64(mean[i]))
				want[i] = (float64(src[i]) - exact) * float64(scale[i])
			}
			got := make([]float32, n+1)
			got[n] = 7
			CenterSingle(got, src, mean, low, scale)
			for i, w := range want {
				// Three roundings, and that of low.
				if bound := 4*0x1p-24*math.Abs(w) + 1e-9; !(math.Abs(float64(got[i])-w) <= bound) {
					t.Fatalf("%d values: %d: got %v, want %v", n, i, got[i], w)
				}
			}
			if got[n] != 7 {
				t.Errorf("%d values: wrote beyond dst", n)
			}
		}
	})
}

func TestExpSingle(t *testing.T) {
	forKernels(t, func(t *testing.T) {
		var x []float32
		for v := float32(0); v > -87; v -= 0.0137 {
			x = append(x, v)
		}
		got := slices.Clone(x)
		ExpSingle(got)
		for i, v := range x {
			if want := math.Exp(float64(v)); !(math.Abs(float64(got[i])/want-1) <= 3*0x1p-23) {
				t.Fatalf("exp(%v): got %v, want %v", v, got[i], want)
			}
		}
		for n := range 18 {
			ends := []float32{0, -1e30, float32(math.Inf(-1)), float32(math.NaN())}
			got := make([]float32, n+1)
			for i := range got {
				got[i] = ends[i%4]
			}
			ExpSingle(got[:n])
			for i, v := range got[:n] {
				if ok := [](bool){v == 1, v > 0 && v < 1.3e-38, v > 0 && v < 1.3e-38, v != v}[i%4]; !ok {
					t.Errorf("%d values: exp(%v) is %v", n, ends[i%4], v)
				}
			}
			if v := got[n]; v != ends[n%4] && v == v {
				t.Errorf("%d values: wrote beyond them", n)
			}
		}
	})
}

func TestRowsSingle(t *testing.T) {
	forKernels(t, func(t *testing.T) {
		for n := 1; n < 35; n++ {
			all := randomSingle(n + 1)
			x, want := slices.Clone(all[:n]), 0.0
			for _, v := range x {
				want += float64(v)
			}
			if got := MaxSingle(x); got != slices.Max(x) {
				t.Errorf("%d values: maximum %v, want %v", n, got, slices.Max(x))
			}
			nearSingle(t, "sum", []float32{SumSingle(x)}, []float64{want}, n)
			got := slices.Clone(all)
			ScaleSingle(got[:n], 0.3, -2)
			scaleSingleGo(x, 0.3, -2)
			if !slices.Equal(got[:n], x) || got[n] != all[n] {
				t.Errorf("%d values: scaled %v, want %v", n, got, x)
			}
		}
	})
}

// Every kernel makes the same steps, which are those of the paper's formulas.
func TestAdam(t *testing.T) {
	forKernels(t, func(t *testing.T) {
		for n := range 19 {
			a := Adam{Beta1: 0.9, Beta2: 0.999, Rate: 1e-3 / (1 - 0.81), Root: float32(1 / math.Sqrt(1-0.998001)),
				Epsilon: 1e-8, Penalty: 0.01}
			value, grad, first := randomSingle(n+1), randomSingle(n+1), randomSingle(n+1)
			second := slices.Clone(first)
			for i := range second {
				second[i] *= second[i]
			}
			got := [4][]float32{slices.Clone(value), slices.Clone(grad), slices.Clone(first), slices.Clone(second)}
			a.Step(got[0][:n], got[1][:n], got[2][:n], got[3][:n])
			for i := range n {
				g := float64(grad[i]) + 0.01*float64(value[i])
				m, v := 0.9*float64(first[i])+0.1*g, 0.999*float64(second[i])+0.001*g*g
				want := float64(value[i]) - 1e-3*(m/(1-0.81))/(math.Sqrt(v/(1-0.998001))+1e-8)
				nearSingle(t, "step", []float32{got[0][i], got[1][i], got[2][i], got[3][i]}, []float64{want, 0, m, v}, 4)
			}
			if got[0][n] != value[n] || got[1][n] != grad[n] || got[2][n] != first[n] || got[3][n] != second[n] {
				t.Errorf("%d values: wrote beyond them", n)
			}
			adamGo(&a, value[:n], grad[:n], first[:n], second[:n])
			if !slices.Equal(got[0], value) {
				t.Errorf("%d values: steps to %v, in Go to %v", n, got[0], value)
			}
		}
	})
}

func BenchmarkMulTransSingle(b *testing.B) {
	x, w, dst := randomSingle(64*768), randomSingle(40*768), make([]float32, 64*40)
	benchKernels(b, 2*64*40*768, func() { MulTransSingle(dst, x, w, 64, 40, 768) })
}

func BenchmarkAddTransMulSingle(b *testing.B) {
	x, r, dst := randomSingle(64*768), randomSingle(64*40), make([]float32, 40*768)
	benchKernels(b, 2*64*40*768, func() { AddTransMulSingle(dst, r, x, 64, 40, 768) })
}
