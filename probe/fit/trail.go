package fit

import (
	"math"

	"github.com/wiseft/wiseft/probe/fit/internal/hinge"
	"github.com/wiseft/wiseft/probe/fit/internal/lbfgs"
	"gonum.org/v1/gonum/floats"
)

// trail is what fits leave to the next one, on the same rows with a larger C. Solvers that
// go step by step keep what helps them; nil keeps nothing.
type trail struct {
	optima []optimum      // the last trailOptima linear classifiers
	last   *lbfgs.Descent // the last fit by L-BFGS, for the curvature that it found
	pairs  []*hinge.Pair  // of the last fit by pairs, without rows
	ridge  []float64      // sums over the rows that ridge needs, for C = 1
}

// optimum is where a fit ended.
type optimum struct {
	logC float64
	w    []float64 // padded, of scaled features
}

// trailOptima is how many optima a start is extrapolated from. They are known within the
// solver's tolerance only, and a polynomial of higher degree magnifies what is wrong.
const trailOptima = 3

// leave keeps the optimum w of a fit, which becomes the trail's.
func (t *trail) leave(c float64, w []float64) {
	if t == nil {
		return
	}
	t.optima = append(t.optima, optimum{math.Log(c), w})
	t.optima = t.optima[max(0, len(t.optima)-trailOptima):]
}

// extrapolate returns the optimum expected at c, nil if nothing is known: the polynomial
// in log C through the last optima, no farther beyond them than they are apart. A path's
// optima lie on a smooth curve, of which a geometric row of C takes equal steps.
func (t *trail) extrapolate(c float64) []float64 {
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

// keepPairs leaves the pairs of classes that were solved.
func (t *trail) keepPairs(pairs []*hinge.Pair) {
	if t != nil {
		t.pairs = pairs
	}
}
