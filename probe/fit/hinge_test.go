package fit

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/wiseft/wiseft/probe/feature"
)

// badlyScaled returns blobs whose features differ in size by six orders of magnitude, and lie
// far from 0.
func badlyScaled(n, d, k int) *feature.Set {
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

// SMO does not get there: 10 million steps a pair left features like these 8 % from the optimum.
func TestHingeOfBadlyScaledFeatures(t *testing.T) {
	t.Parallel()
	f := badlyScaled(400, 20, 3)
	mixed := &feature.Set{Dim: f.Dim, X: f.X, Y: slices.Clone(f.Y)}
	for i := 0; i < len(mixed.Y); i += 20 {
		mixed.Y[i] = (mixed.Y[i] + 1) % 3
	}
	small := blobs(400, 20, 3)
	for i := range small.X {
		small.X[i] /= 100
	}
	for name, f := range map[string]*feature.Set{"separable": f, "mixed": mixed, "small": small} {
		for _, c := range []float64{1e-6, 1e-3, 1, 1e3, 1e5} {
			t.Run(fmt.Sprintf("%s/C=%g", name, c), func(t *testing.T) {
				t.Parallel()
				_, report := mustFit(t, f, Options{Solver: "svc-ovo", C: c})
				// Slacks are measured against 1, and rounding of scores is all that is left.
				if report.Iterations > 1000 || !(report.GradientNorm <= 1e-7) {
					t.Errorf("after %d iterations two rows differ by %.1e", report.Iterations, report.GradientNorm)
				}
			})
		}
	}
}

// Of two samples p and q, or many farther out on the same line, the margin is what lies
// between them: ||w|| = 2 / ||p - q||, whatever their scale.
func TestHingeOfKnownMargin(t *testing.T) {
	t.Parallel()
	p, q := []float32{1e3, 1e-3, 2, 7}, []float32{1e3 - 4, 1e-3, 5, 7}
	f := &feature.Set{Dim: 4}
	for step := range 9 {
		for j := range p {
			f.X = append(f.X, p[j]+float32(step)*(p[j]-q[j]))
		}
		for j := range p {
			f.X = append(f.X, q[j]-float32(step)*(p[j]-q[j]))
		}
		f.Y = append(f.Y, 0, 1)
	}
	cl, report := mustFit(t, f, Options{Solver: "svc-ovo", C: 1e6})
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

// What is called the duality gap bounds the distance from the optimum, however early a fit ends.
func TestHingeGapBoundsTheDistance(t *testing.T) {
	t.Parallel()
	f := blobs(60, 5, 3)
	for i, label := range f.Y {
		f.Y[i] = min(label, 1) // classes of 20 and 40, so that the intercept counts
	}
	p, _, err := newProblem(t.Context(), f, Options{C: 0.7, MaxIter: 100, Tol: 1})
	if err != nil {
		t.Fatal(err)
	}
	members := [2][]int{}
	for i, label := range p.y {
		members[label] = append(members[label], i)
	}
	fit := func(goal float64) hingeOptimum {
		h, err := newHingePair(p, members)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.solve(t.Context(), goal); err != nil {
			t.Fatal(err)
		}
		return h.best
	}
	best := fit(1e-13).objective
	for goal := 1.0; goal > 1e-11; goal /= 10 {
		at := fit(goal)
		if distance := at.objective - best; !(at.gap >= distance-1e-12*best) || !(distance >= -1e-12*best) {
			t.Errorf("goal %v: the gap is %v, the distance %v", goal, at.gap, distance)
		}
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
	opt := Options{Solver: "svc-ovo", C: 0.1}
	own, cold := mustFit(t, f, opt)
	linear, _ := mustFit(t, f, Options{C: 0.1})
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
	}{"own": {own, 0.6}, "fewer classes": {fewer, 0.8}, "linear": {linear, 1.5}} {
		opt.Init = tt.start
		_, warm := mustFit(t, f, opt)
		if gap := math.Abs(warm.Objective/cold.Objective - 1); !(gap <= 1e-11) {
			t.Errorf("%s: ends %.1e from the cold fit", name, gap)
		}
		if most := int(tt.most * float64(cold.Iterations)); warm.Iterations > most {
			t.Errorf("%s: %d iterations, want at most %d of the cold fit's %d", name, warm.Iterations, most, cold.Iterations)
		}
	}
	opt.Init, _ = mustFit(t, f, Options{Solver: "mlp", Hidden: []int{4}, Epochs: 1})
	_, _, err := Fit(t.Context(), f, opt)
	if want := "initial classifier: is of the solver mlp, want one linear layer or svc-ovo"; err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}
