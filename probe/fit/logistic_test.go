package fit

import (
	"fmt"
	"testing"
)

// With separable features of very different size the optimum has large weights, and losses below the rounding of 1.
// Unless they keep their digits, the fit cannot find the optimum.
func TestLogisticOfBadlyScaledFeatures(t *testing.T) {
	t.Parallel()
	f := badlyScaled(400, 20, 3)
	for _, c := range []float64{1e-4, 1, 1e4, 1e6} {
		t.Run(fmt.Sprintf("C=%g", c), func(t *testing.T) {
			t.Parallel()
			_, report := mustFit(t, f, Options{C: c})
			if report.Iterations > 500 {
				t.Errorf("%d iterations", report.Iterations)
			}
			t.Logf("%d iterations, objective %v", report.Iterations, report.Objective)
		})
	}
}
