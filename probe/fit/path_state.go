package fit

import (
	"math"

	"github.com/wiseft/wiseft/probe/fit/internal/hinge"
	"github.com/wiseft/wiseft/probe/fit/internal/lbfgs"
	"gonum.org/v1/gonum/floats"
)

// pathState is the state that a fit passes to the next one on a path, which has the same rows and a larger C. Methods
// accept a nil pathState and do nothing.
type pathState struct {
	optima []optimum      // of the last maxOptima linear classifiers
	last   *lbfgs.Descent // the last fit by L-BFGS, for its steps and its preconditioner
	pairs  []*hinge.Pair  // of the last svc-ovo fit, without rows
	ridge  *ridgeSums     // with C = 1
}

// optimum is the optimum of one fit.
type optimum struct {
	logC float64
	w    []float64 // padded, of scaled features
}

// maxOptima is from how many optima a start is extrapolated. They are known within the solver's tolerance only, and
// a polynomial of higher degree magnifies the error.
const maxOptima = 3

// addOptimum adds the optimum w of a fit with C = c. w must not be changed afterwards.
func (t *pathState) addOptimum(c float64, w []float64) {
	if t == nil {
		return
	}
	t.optima = append(t.optima, optimum{math.Log(c), w})
	t.optima = t.optima[max(0, len(t.optima)-maxOptima):]
}

// extrapolate returns the optimum expected at c, or nil without earlier optima: the value at log c of the polynomial
// in log C through the last optima, extrapolated by at most the distance between the last two. The optima of a path
// lie on a smooth curve, and a geometric sequence of C takes equal steps in log C.
func (t *pathState) extrapolate(c float64) []float64 {
	if t == nil || len(t.optima) == 0 {
		return nil
	}
	at := math.Log(c)
	if last := len(t.optima) - 1; last > 0 {
		at = min(at, 2*t.optima[last].logC-t.optima[last-1].logC)
	}
	w := make([]float64, len(t.optima[0].w))
	for i, o := range t.optima {
		share := 1.0
		for j, other := range t.optima {
			if j != i {
				share *= (at - other.logC) / (o.logC - other.logC)
			}
		}
		floats.AddScaled(w, share, o.w)
	}
	return w
}

// setPairs keeps the solved pairs of classes.
func (t *pathState) setPairs(pairs []*hinge.Pair) {
	if t != nil {
		t.pairs = pairs
	}
}
