package lbfgs

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// keepWithin is the factor by which curvature may change before a preconditioner is made
// anew: the inverse is then at most so much off in every direction.
const keepWithin = 1.3

// inherit gives d, whose start has been evaluated, the curvature that last found, if last is not nil. Both losses are sums over the same rows, whose curvatures have changed with C and
// the distance from the margin: by the same factor, as far as the intercepts show it.
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
		floats.AddScaled(s.y, -1, d.penalised(s.s)) // the loss's part
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
