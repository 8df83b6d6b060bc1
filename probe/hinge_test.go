package probe

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// badlyScaled returns blobs whose features differ in size by six orders of magnitude, and lie
// far from 0.
func badlyScaled(n, d, k int) *Features {
	f := blobs(n, d, k)
	r := rand.New(rand.NewPCG(5, 6))
	for j := range d {
		scale, offset := math.Pow(10, 6*r.Float64()-3), math.Pow(10, 6*r.Float64()-3)
		for i := range n {
			f.Row(i)[j] = float32(scale*float64(f.Row(i)[j]) + offset)
		}
	}
	return f
}

// SMO does not get there: 50 million steps leave these 8 % from the optimum.
func TestHingeOfBadlyScaledFeatures(t *testing.T) {
	t.Parallel()
	f := badlyScaled(400, 20, 3)
	for _, c := range []float64{1e-6, 1e-3, 1, 1e3, 1e6} {
		t.Run(fmt.Sprintf("C=%g", c), func(t *testing.T) {
			t.Parallel()
			_, report := mustFit(t, f, FitOptions{Solver: "svc-ovo", C: c})
			// Slacks are measured against 1, and rounding of scores is all that is left.
			if report.Iterations > 400 || !(report.GradientNorm <= 1e-7) {
				t.Errorf("after %d iterations two rows differ by %.1e", report.Iterations, report.GradientNorm)
			}
		})
	}
}

// Of two samples p and q, or many farther out on the same line, the margin is what lies
// between them: ||w|| = 2 / ||p - q||, whatever their scale.
func TestHingeOfKnownMargin(t *testing.T) {
	t.Parallel()
	p, q := []float32{1e3, 1e-3, 2, 7}, []float32{1e3 - 4, 1e-3, 5, 7}
	f := &Features{Dim: 4}
	for step := range 9 {
		for j := range p {
			f.X = append(f.X, p[j]+float32(step)*(p[j]-q[j]))
		}
		for j := range p {
			f.X = append(f.X, q[j]-float32(step)*(p[j]-q[j]))
		}
		f.Y = append(f.Y, 0, 1)
	}
	cl, report := mustFit(t, f, FitOptions{Solver: "svc-ovo", C: 1e6})
	want := []float64{8. / 25, 0, -6. / 25, 0}
	for j, w := range cl.Layers[0].W {
		if !(math.Abs(float64(w)-want[j]) <= 1e-7) {
			t.Errorf("weight %d: got %v, want %v", j, w, want[j])
		}
	}
	if gap := report.Objective/(2./25) - 1; !(math.Abs(gap) <= 1e-12) {
		t.Errorf("objective: got %v, want %v", report.Objective, 2./25)
	}
}

// The dual objective of any multipliers lies below the primal objective of any weights, and
// what is called the duality gap is their difference.
func TestHingeDualIsBelowPrimal(t *testing.T) {
	t.Parallel()
	p, _, err := newProblem(t.Context(), blobs(40, 5, 2), FitOptions{C: 0.7, MaxIter: 1, Tol: 1})
	if err != nil {
		t.Fatal(err)
	}
	members := [2][]int{}
	for i, label := range p.y {
		members[label] = append(members[label], i)
	}
	best, r := math.Inf(1), rand.New(rand.NewPCG(7, 8))
	for range 200 {
		h, err := newHingePair(p, members)
		if err != nil {
			t.Fatal(err)
		}
		for j := range h.d {
			h.w[j] = 0.3 * r.NormFloat64()
		}
		for i := range h.alpha {
			h.alpha[i] = h.c[i] * r.Float64() * r.Float64()
		}
		best = min(best, h.measure().gap)
	}
	if !(best > 0) {
		t.Errorf("smallest gap is %v", best)
	}
}

// The intercept is where the sum of hinges is least, or the middle of where it is.
func TestHingeIntercept(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		sign, c, target []float64
		want            float64
	}{
		{[]float64{1, -1}, []float64{1, 1}, []float64{3, 1}, 2},
		{[]float64{1, -1}, []float64{1, 2}, []float64{1, 3}, 2}, // no slack between 1 and 3
		{[]float64{1, -1}, []float64{2, 1}, []float64{3, 1}, 3},
		{[]float64{1, -1}, []float64{1, 2}, []float64{3, 1}, 1},
		{[]float64{1, 1, -1, -1}, []float64{1, 1, 1, 1}, []float64{5, 5, 5, 0}, 5},
	} {
		h := &hingePair{sign: tt.sign, c: tt.c}
		if got := h.intercept(tt.target); got != tt.want {
			t.Errorf("signs %v, weights %v, targets %v: got %v, want %v", tt.sign, tt.c, tt.target, got, tt.want)
		}
	}
}

// A start shortens the way and does not change the end: svc-ovo's own probe, one that saw
// fewer classes, and a linear one.
func TestHingeStarts(t *testing.T) {
	t.Parallel()
	f := blobs(400, 20, 5)
	opt := FitOptions{Solver: "svc-ovo", C: 0.1}
	own, cold := mustFit(t, f, opt)
	linear, _ := mustFit(t, f, FitOptions{C: 0.1})
	fewer, _ := mustFit(t, f.Subset(slices.Collect(func(yield func(int) bool) {
		for i, label := range f.Y {
			if label != 1 && !yield(i) {
				return
			}
		}
	}), "without class 1"), opt)
	for name, tt := range map[string]struct {
		start *Classifier
		most  float64 // of the cold iterations
	}{"own": {own, 0.6}, "fewer classes": {fewer, 0.85}, "linear": {linear, 1.5}} {
		opt.Init = tt.start
		_, warm := mustFit(t, f, opt)
		if gap := math.Abs(warm.Objective/cold.Objective - 1); !(gap <= 1e-11) {
			t.Errorf("%s: ends %.1e from the cold fit", name, gap)
		}
		if most := int(tt.most * float64(cold.Iterations)); warm.Iterations > most {
			t.Errorf("%s: %d iterations, want at most %d of the cold fit's %d", name, warm.Iterations, most, cold.Iterations)
		}
	}
	opt.Init, _ = mustFit(t, f, FitOptions{Solver: "mlp", Hidden: []int{4}, Epochs: 1})
	_, _, err := Fit(t.Context(), f, opt)
	if want := "initial classifier: is of the solver mlp, want one linear layer or svc-ovo"; err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}
