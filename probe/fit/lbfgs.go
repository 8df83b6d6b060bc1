package fit

import (
	"slices"

	"gonum.org/v1/gonum/floats"
)

// history is the number of steps that L-BFGS remembers.
const history = 20

// noInverse is the inverseAt of a new inverse.
const noInverse = -1

// step is what an iteration changed.
type step struct {
	s, y    []float64 // in the parameters, in the gradient
	rho     float64   // 1 / s^T y
	inverse []float64 // pre's inverse times y, nil if it is not known
}

// copyOf returns a copy of v, in the memory of a forgotten step if there is one.
func (d *descent) copyOf(v []float64) []float64 {
	last := len(d.spare) - 1
	if last < 0 {
		return slices.Clone(v)
	}
	c := d.spare[last]
	d.spare = d.spare[:last]
	copy(c, v)
	return c
}

// remember keeps a step s and what it changed in the gradient, y. Their memory is d's from now
// on.
func (d *descent) remember(s, y []float64) {
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
func (d *descent) forget(n int) {
	for _, s := range d.steps[:n] {
		d.spare = append(d.spare, s.s, s.y)
		if s.inverse != nil {
			d.spare = append(d.spare, s.inverse)
		}
	}
	d.steps = slices.Delete(d.steps, 0, n)
}

// apply applies the inverse to the gradient and to what the steps changed in it. The last change
// is the difference of two gradients to which it is applied anyway, so that an iteration takes one
// application, not another one for the scale.
func (d *descent) apply() {
	d.inverse, d.before = resized(d.before, len(d.grad)), d.inverse
	d.pre.solve(d.workers, d.inverse, d.grad, d.width)
	for i := range d.steps {
		s := &d.steps[i]
		if s.inverse != nil {
			continue
		}
		s.inverse = d.copyOf(d.inverse)
		if i == len(d.steps)-1 && d.inverseAt == d.taken-1 {
			floats.Sub(s.inverse, d.before)
		} else {
			d.pre.solve(d.workers, s.inverse, s.y, d.width)
		}
	}
	d.inverseAt = d.taken
}

// direction is minus the approximate inverse Hessian times the gradient. It is d's until the
// next one.
func (d *descent) direction() []float64 {
	d.apply()
	d.q, d.dir = resized(d.q, len(d.grad)), resized(d.dir, len(d.grad))
	q, dir := d.q, d.dir
	copy(q, d.grad)
	copy(dir, d.inverse) // of q, throughout
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
