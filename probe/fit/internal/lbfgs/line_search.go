package lbfgs

import (
	"math"

	"gonum.org/v1/gonum/optimize"
)

// Constants of the Wolfe conditions, as recommended by Hager and Zhang.
const (
	wolfeDecrease  = 0.1
	wolfeCurvature = 0.9
)

// valueNoise is the largest share of a sum of losses that rounding may add: some hundred times what was observed, and
// far below any decrease that matters.
const valueNoise = 1e-12

// convexSearch is a line search for convex functions that uses the derivative. Near the optimum, rounding hides the
// decrease of a sum of thousands of losses, while the gradient still has ten digits. Therefore a step is accepted by
// the approximate Wolfe conditions (Hager and Zhang, A new conjugate gradient method with guaranteed descent and an
// efficient line search, 2005, equation 4.1), and the value may rise by at most its noise.
type convexSearch struct {
	noise  float64 // share of the value that rounding may add
	f0, d0 float64 // value and derivative at the start
	step   float64
	lo, hi float64 // the bracket of the minimum; hi is +Inf until it is known
	dlo    float64
	dhi    float64
	trials int
}

var _ optimize.Linesearcher = (*convexSearch)(nil)

// maxTrials bounds a search that rounding misleads.
const maxTrials = 25

// Init implements optimize.Linesearcher.
func (s *convexSearch) Init(value, derivative, step float64) optimize.Operation {
	*s = convexSearch{noise: s.noise, f0: value, d0: derivative, step: step, hi: math.Inf(1), dlo: derivative}
	return optimize.FuncEvaluation | optimize.GradEvaluation
}

// Iterate implements optimize.Linesearcher.
func (s *convexSearch) Iterate(value, derivative float64) (optimize.Operation, float64, error) {
	if s.accepts(value, derivative) {
		return optimize.MajorIteration, s.step, nil
	}
	s.trials++
	if s.trials >= maxTrials {
		return optimize.NoOperation, 0, optimize.ErrLinesearcherFailure
	}
	if derivative < 0 && value <= s.f0+s.noise*math.Abs(s.f0) {
		s.lo, s.dlo = s.step, derivative
	} else {
		s.hi, s.dhi = s.step, derivative
	}
	s.step = s.next()
	return optimize.FuncEvaluation | optimize.GradEvaluation, s.step, nil
}

func (s *convexSearch) accepts(value, derivative float64) bool {
	if !(value <= s.f0+s.noise*math.Abs(s.f0)) {
		return false
	}
	return derivative >= wolfeCurvature*s.d0 && derivative <= (2*wolfeDecrease-1)*s.d0
}

// next returns the root of the secant of the derivative, kept away from the ends of the bracket.
func (s *convexSearch) next() float64 {
	if math.IsInf(s.hi, 1) {
		return 4 * s.lo
	}
	width := s.hi - s.lo
	t := s.lo - s.dlo*width/(s.dhi-s.dlo)
	if !(s.dhi > 0) || math.IsInf(s.dhi, 0) {
		t = s.lo + width/2
	}
	return min(max(t, s.lo+0.1*width), s.hi-0.1*width)
}
