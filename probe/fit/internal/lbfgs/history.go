package lbfgs

import (
	"slices"

	"github.com/wiseft/wiseft/probe/fit/internal/scaled"
	"gonum.org/v1/gonum/floats"
)

// history is the number of steps that L-BFGS remembers.
const history = 10

// noInverse is the value of inverseAt after the preconditioner changed.
const noInverse = -1

// step is one step of the history.
type step struct {
	s, y    []float64 // change of the parameters, change of the gradient
	rho     float64   // 1 / s^T y
	inverse []float64 // pre's inverse times y; nil = not computed
}

// copyOf returns a copy of v, in a buffer of a forgotten step if there is one.
func (d *Descent) copyOf(v []float64) []float64 {
	last := len(d.spare) - 1
	if last < 0 {
		return slices.Clone(v)
	}
	c := d.spare[last]
	d.spare = d.spare[:last]
	copy(c, v)
	return c
}

// remember keeps a step s and the change y of the gradient. d owns both afterwards.
func (d *Descent) remember(s, y []float64) {
	curvature := floats.Dot(s, y)
	if !(curvature > 0) {
		d.spare = append(d.spare, s, y)
		return
	}
	if len(d.steps) == history {
		d.forget(1)
	}
	d.steps = append(d.steps, step{s: s, y: y, rho: 1 / curvature})
	d.taken++
}

// forget drops the n oldest steps.
func (d *Descent) forget(n int) {
	for _, s := range d.steps[:n] {
		d.spare = append(d.spare, s.s, s.y)
		if s.inverse != nil {
			d.spare = append(d.spare, s.inverse)
		}
	}
	d.steps = slices.Delete(d.steps, 0, n)
}

// apply applies the preconditioner to the gradient and to the y of every step. The last y is the difference of two
// gradients to which it is applied anyway, so that an iteration takes one application.
func (d *Descent) apply() {
	d.inverse, d.before = scaled.Resized(d.before, len(d.grad)), d.inverse
	d.pre.solve(d.Workers, d.inverse, d.grad, d.Width)
	for i := range d.steps {
		s := &d.steps[i]
		if s.inverse != nil {
			continue
		}
		s.inverse = d.copyOf(d.inverse)
		if i == len(d.steps)-1 && d.inverseAt == d.taken-1 {
			floats.Sub(s.inverse, d.before)
		} else {
			d.pre.solve(d.Workers, s.inverse, s.y, d.Width)
		}
	}
	d.inverseAt = d.taken
}

// direction returns minus the approximate inverse Hessian times the gradient. It is valid until the next call.
func (d *Descent) direction() []float64 {
	d.apply()
	d.q, d.dir = scaled.Resized(d.q, len(d.grad)), scaled.Resized(d.dir, len(d.grad))
	q, dir := d.q, d.dir
	copy(q, d.grad)
	copy(dir, d.inverse) // of q, in all that follows
	alpha := make([]float64, len(d.steps))
	for i, s := range slices.Backward(d.steps) {
		alpha[i] = s.rho * floats.Dot(s.s, q)
		floats.AddScaled(q, -alpha[i], s.y)
		floats.AddScaled(dir, -alpha[i], s.inverse)
	}
	if last := len(d.steps) - 1; last >= 0 {
		s := d.steps[last]
		floats.Scale(1/(s.rho*floats.Dot(s.y, s.inverse)), dir)
	}
	for i, s := range d.steps {
		floats.AddScaled(dir, alpha[i]-s.rho*floats.Dot(s.y, dir), s.s)
	}
	floats.Scale(-1, dir)
	d.balance(dir)
	return dir
}
