package hinge

import "math"

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
