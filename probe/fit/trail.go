package fit

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// trail is what fits leave to the next one, on the same rows with a larger C. Solvers that
// go step by step keep what helps them; nil keeps nothing.
type trail struct {
	optima []optimum    // the last trailOptima linear classifiers
	last   *descent     // the last fit by L-BFGS, for the curvature that it found
	pairs  []*hingePair // of the last fit by pairs, without rows
	ridge  []float64    // sums over the rows that ridge needs, for C = 1
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

// keep leaves what d has found.
func (t *trail) keep(d *descent) {
	if t == nil {
		return
	}
	t.leave(d.c, d.best)
	t.last = d
}

// keepPairs leaves the pairs of classes that were solved.
func (t *trail) keepPairs(pairs []*hingePair) {
	if t != nil {
		t.pairs = pairs
	}
}

// keepWithin is the factor by which curvature may change before a preconditioner is made
// anew: the inverse is then at most so much off in every direction.
const keepWithin = 1.3

// inherit gives d, whose start has been evaluated, the curvature that the fit before it
// found. Both losses are sums over the same rows, whose curvatures have changed with C and
// the distance from the margin: by the same factor, as far as the intercepts show it.
func (t *trail) inherit(d *descent) {
	if t == nil || t.last == nil {
		return
	}
	ratio := floats.Sum(d.curve) / floats.Sum(t.last.curve)
	if !(ratio > 0) || math.IsInf(ratio, 0) {
		return
	}
	d.pre = t.last.pre
	d.stale = ratio > keepWithin || ratio < 1/keepWithin
	for _, s := range t.last.steps {
		floats.AddScaled(s.y, -1, d.penalised(s.s)) // the loss's part
		floats.Scale(ratio, s.y)
		floats.Add(s.y, d.penalised(s.s))
		d.remember(s.s, s.y)
	}
}

// penalised returns the gradient of the penalty at v.
func (d *descent) penalised(v []float64) []float64 {
	out := slices.Clone(v)
	for c := range d.k {
		out[c*d.width+d.d] *= d.penalty
	}
	return out
}
