package fit

import (
	"math"
	"testing"

	"github.com/wiseft/wiseft/probe/fit/internal/fittest"
	"gonum.org/v1/gonum/floats"
)

// At the optimum the gradient of the binary objective, from its definition, is zero, and the reported objective is its
// value.
func TestBinaryLogisticReachesItsOptimum(t *testing.T) {
	t.Parallel()
	f := badlyScaled(300, 8, 2)
	for _, balanced := range []bool{false, true} {
		const c = 3.0
		cl, report := mustFit(t, f, Options{Solver: "logistic-binary", C: c, Balanced: balanced})
		count := [2]float64{}
		for _, y := range f.Y {
			count[y]++
		}
		w, b := make([]float64, f.Dim), float64(cl.Layers[0].B[1])-float64(cl.Layers[0].B[0])
		for j := range w {
			w[j] = float64(cl.Layers[0].W[f.Dim+j]) - float64(cl.Layers[0].W[j])
		}
		value, gradB, sum := 0.5*floats.Dot(w, w), 0.0, 0.0
		for i, y := range f.Y {
			score, sign, weight := b, float64(2*y-1), c
			for j, x := range f.Row(i) {
				score += w[j] * float64(x)
			}
			if balanced {
				weight *= float64(f.Len()) / (2 * count[y])
			}
			value += weight * math.Log1p(math.Exp(-sign*score))
			slope := weight * sign / (1 + math.Exp(sign*score))
			gradB, sum = gradB-slope, sum+math.Abs(slope)
		}
		if gap := report.Objective/value - 1; !(math.Abs(gap) < 1e-6) { // the weights are rounded to float32
			t.Errorf("balanced %v: objective %v, want %v", balanced, report.Objective, value)
		}
		if !(math.Abs(gradB) < 1e-3*sum) {
			t.Errorf("balanced %v: derivative by the intercept %v of terms of %v", balanced, gradB, sum)
		}
	}
	if _, _, err := Fit(t.Context(), fittest.Blobs(12, 3, 3), Options{Solver: "logistic-binary"}); err == nil ||
		err.Error() != "the solver logistic-binary fits two classes, and 3 have samples" {
		t.Errorf("got error %v", err)
	}
}
