package fit

import (
	"math"

	"gonum.org/v1/gonum/optimize"
)

// Constants of the Wolfe conditions, as Hager and Zhang recommend them.
const (
	wolfeDecrease  = 0.1
	wolfeCurvature = 0.9
)

// valueNoise is the share of a sum of losses that rounding may add: some hundred times
// what was seen, and far below any decrease that still matters.
const valueNoise = 1e-12

// convexSearch is a line search for convex functions that goes by the derivative. Near
// the optimum a sum of thousands of losses cannot show a decrease any more, while the
// gradient still has ten digits; so a step is accepted by the approximate Wolfe
// conditions (Hager and Zhang, A new conjugate gradient method with guaranteed descent
// and an efficient line search, 2005, equation 4.1), and the value must only not rise
// beyond its noise.
type convexSearch struct {
	f0, d0 float64 // value and derivative at the start
	step   float64
	lo, hi float64 // the minimum lies between; hi is +Inf until it is known
	dlo    float64
	dhi    float64
	trials int
}

var _ optimize.Linesearcher = (*convexSearch)(nil)

// maxTrials ends a search that rounding leads astray.
const maxTrials = 25

func (s *convexSearch) Init(value, derivative, step float64) optimize.Operation {
	*s = convexSearch{f0: value, d0: derivative, step: step, hi: math.Inf(1), dlo: derivative}
	return optimize.FuncEvaluation | optimize.GradEvaluation
}

func (s *convexSearch) Iterate(value, derivative float64) (optimize.Operation, float64, error) {
	if s.accepts(value, derivative) {
		return optimize.MajorIteration, s.step, nil
	}
	s.trials++
	if s.trials >= maxTrials {
		return optimize.NoOperation, 0, optimize.ErrLinesearcherFailure
	}
	if derivative < 0 && value <= s.f0+valueNoise*math.Abs(s.f0) {
		s.lo, s.dlo = s.step, derivative
	} else {
		s.hi, s.dhi = s.step, derivative
	}
	s.step = s.next()
	return optimize.FuncEvaluation | optimize.GradEvaluation, s.step, nil
}

func (s *convexSearch) accepts(value, derivative float64) bool {
	if !(value <= s.f0+valueNoise*math.Abs(s.f0)) {
		return false
	}
	return derivative >= wolfeCurvature*s.d0 && derivative <= (2*wolfeDecrease-1)*s.d0
}

// next is the secant's root of the derivative, kept away from the ends of the bracket.
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

// maxLineTrials halves the bracket down to rounding, if nothing else does.
const maxLineTrials = 100

// lineRoundoff is the share of the derivative at 0 that counts as 0 elsewhere. Rounding may
// leave 1e-10 of it; Newton's method around the search needs no better.
const lineRoundoff = 1e-9

// lineRoot returns the root of a derivative along a line that is piecewise linear, rises, and
// is below 0 at 0: Newton's method from 1, kept within the bracket that it has found. slope
// returns the derivative and its own.
func lineRoot(slope func(t float64) (slope, curve float64)) float64 {
	lo, hi, t := 0.0, math.Inf(1), 1.0
	first, _ := slope(0)
	for range maxLineTrials {
		s, curve := slope(t)
		next := t - s/curve
		if math.Abs(s) <= -lineRoundoff*first || math.Abs(next-t) <= 1e-14*t {
			return t
		}
		if s < 0 {
			lo = t
		} else {
			hi = t
		}
		if !(next > lo && next < hi) {
			next = lo + (min(hi, 4*lo+1)-lo)/2
		}
		t = next
	}
	return lo
}
