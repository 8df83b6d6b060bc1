package lbfgs

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// keepWithin is the largest factor by which curvature may have changed for a preconditioner to be kept. The inverse
// is then off by at most that factor in every direction.
const keepWithin = 1.3

// inherit gives d, whose start has been evaluated, the steps and the preconditioner of last; nil = nothing. Both
// losses are sums over the same rows, whose curvatures differ by C and by the distance from the margin: by the same
// factor in all directions, as far as the intercepts show it.
func (d *Descent) inherit(last *Descent) {
	if last == nil {
		return
	}
	ratio := floats.Sum(d.curve) / floats.Sum(last.curve)
	if !(ratio > 0) || math.IsInf(ratio, 0) {
		return
	}
	d.pre = last.pre
	d.stale = ratio > keepWithin || ratio < 1/keepWithin
	for _, s := range last.steps {
		floats.AddScaled(s.y, -1, d.penalised(s.s)) // leaves the part of the loss
		floats.Scale(ratio, s.y)
		floats.Add(s.y, d.penalised(s.s))
		d.remember(s.s, s.y)
	}
}

// penalised returns the gradient of the penalty at v.
func (d *Descent) penalised(v []float64) []float64 {
	out := slices.Clone(v)
	for c := range d.K {
		out[c*d.Width+d.D] *= d.penalty
	}
	return out
}
