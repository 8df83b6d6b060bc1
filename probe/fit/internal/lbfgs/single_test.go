package lbfgs

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/wiseft/wiseft/internal/numeric"
	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit/internal/fittest"
	"github.com/wiseft/wiseft/probe/fit/internal/softmax"
	"gonum.org/v1/gonum/floats"
)

// gaussian returns 1,400 rows of 100 features of 24 classes, large enough for single precision. Feature j has the
// standard deviation (j+1)^-power before all are mixed.
func gaussian(power float64) *feature.Set {
	const n, d, k = 1400, 100, 24
	r := rand.New(rand.NewPCG(3, 4))
	random := func(n int) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = r.NormFloat64()
		}
		return x
	}
	f, mean, x, mirrors := &feature.Set{Dim: d}, random(k*d), make([]float64, d), random(20*d)
	for i := range n {
		label := i % k
		for j := range x {
			x[j] = (0.3*mean[label*d+j] + r.NormFloat64()) * math.Pow(float64(j+1), -power)
		}
		for m := range slices.Chunk(mirrors, d) { // reflections turn the features
			floats.AddScaled(x, -2*floats.Dot(m, x)/floats.Dot(m, m), m)
		}
		f.X = append(f.X, numeric.Round32(x)...)
		f.Y = append(f.Y, int64(label))
	}
	return f
}

func minimized(t *testing.T, f *feature.Set, c, tol float64, workers int) *Descent {
	t.Helper()
	p := fittest.Problem(f, c)
	p.MaxIter, p.Tol, p.Workers = 1000, tol, workers
	if err := p.Center(t.Context()); err != nil {
		t.Fatal(err)
	}
	d, err := Minimize(t.Context(), p, softmax.Loss{Weight: p.Weight}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !d.done || d.single != nil {
		t.Fatalf("converged %v, in single precision %v, after %d iterations", d.done, d.single != nil, d.iterations)
	}
	return d
}

// What begins in single precision ends in double precision, at the same point for any number of workers, and the
// preconditioner depends on the features.
func TestSinglePrecisionIsRefined(t *testing.T) {
	t.Parallel()
	for _, power := range []float64{0, 0.7} {
		f, c := gaussian(power), 1+100*power
		want := minimized(t, f, c, 1e-7, 1)
		for _, workers := range []int{2, 5} {
			if got := minimized(t, f, c, 1e-7, workers); !slices.Equal(got.best, want.best) {
				t.Errorf("power %v: %d workers end elsewhere than 1", power, workers)
			}
		}
		// Half the squared gradient norm bounds the distance from the optimum.
		if gap := minimized(t, f, c, 1e-3, 1).bestF/want.bestF - 1; !(gap >= -1e-14 && gap <= 1e-6) {
			t.Errorf("power %v: tolerance 1e-3 ends %.1e above the optimum", power, gap)
		}
		if want.pre.full != (power > 0) {
			t.Errorf("power %v: full preconditioner %v", power, want.pre.full)
		}
	}
}

// A fit that ends in single precision, because MaxIter is reached, is measured in double precision.
func TestEndInSinglePrecision(t *testing.T) {
	t.Parallel()
	p := fittest.Problem(gaussian(0), 1)
	p.MaxIter, p.Tol = 3, 1e-3
	d, err := Minimize(t.Context(), p, softmax.Loss{Weight: p.Weight}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := d.Optimum()
	copy(d.w, d.best)
	if err := d.evaluate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d.single != nil || got.Converged || got.Iterations != 3 || got.Value != d.f {
		t.Errorf("single precision %v: %+v, value %v", d.single != nil, got.Value, d.f)
	}
}

// The gradient in single precision has the accuracy that singleTol assumes.
func TestSingleGradient(t *testing.T) {
	t.Parallel()
	d := minimized(t, gaussian(0), 1, 1e-3, 0)
	if err := d.evaluate(t.Context()); err != nil {
		t.Fatal(err)
	}
	want, f := slices.Clone(d.grad), d.f
	if err := d.newSingle().evaluate(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for i, g := range d.grad {
		sum += (g - want[i]) * (g - want[i])
	}
	if off := math.Sqrt(sum / (2 * f)); !(off <= singleTol/5) {
		t.Errorf("relative gradient is off by %.1e", off)
	}
	if off := d.f/f - 1; !(math.Abs(off) <= singleNoise) {
		t.Errorf("value is off by %.1e", off)
	}
}

// Features, products or factors of a standardization that exceed float32 are fitted in double precision.
func TestFeaturesBeyondSinglePrecision(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ size, scale, c float64 }{{0x1p70, 1, 0x1p-140}, {0x1p-130, 0x1p130, 1}} {
		f := gaussian(0)
		for i := range f.X {
			f.X[i] = float32(float64(f.X[i]) * tt.size)
		}
		p := fittest.Problem(f, tt.c)
		p.MaxIter, p.Tol = 1000, 1e-6
		for j := range p.Scale {
			p.Scale[j] = tt.scale
		}
		d, err := Minimize(t.Context(), p, softmax.Loss{Weight: p.Weight}, Options{})
		if err != nil || !d.done {
			t.Errorf("%v: converged %v after %d iterations, %v", tt, d.done, d.iterations, err)
		}
	}
}
