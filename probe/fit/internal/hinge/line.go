package hinge

import "math"

// maxLineTrials suffices to halve the bracket down to rounding.
const maxLineTrials = 100

// lineRoundoff is the share of the derivative at 0 below which a derivative counts as 0. Rounding may leave 1e-10;
// the Newton iteration that calls the search needs no higher accuracy.
const lineRoundoff = 1e-9

// lineRoot returns the root of a derivative along a line, which is piecewise linear, increasing, and negative at 0:
// Newton's method from 1, kept within the bracket found so far. slope returns the derivative and its derivative.
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
