package fit

import (
	"context"
	"errors"
	"math"

	"github.com/wiseft/wiseft/probe/fit/internal/dense"
	"gonum.org/v1/gonum/floats"
)

// groupValues bounds the scores that are held for a group of classes: 64 MiB, twice.
const groupValues = 8 << 20

// marginNewton solves the problems of some classes side by side, because they can share
// the passes over the rows.
type marginNewton struct {
	*problem
	loss    squaredHinge
	classes []int // those of the group
	rows    int   // their number, padded

	w, grad, dir []float64 // rows x width
	scores       []float64 // n x classes
	change       []float64 // n x classes: of the scores along dir
	f            []float64 // per class
	done         []bool
}

// fitMargins solves all classes, group by group.
func fitMargins(ctx context.Context, p *problem, l squaredHinge) (*solution, error) {
	start := p.start(p.k)
	size := min(p.k, max(dense.RowTile, groupValues/p.n))
	s := &solution{converged: true}
	params, squares := make([]float64, 0, len(start)), 0.0
	for lo := 0; lo < p.k; lo += size {
		m := newMarginNewton(p, l, lo, min(lo+size, p.k))
		copy(m.w, start[lo*p.width:min(lo+size, p.k)*p.width])
		iterations, err := m.solve(ctx)
		if err != nil {
			return nil, err
		}
		params = append(params, m.w[:len(m.classes)*p.width]...)
		for j, done := range m.done {
			s.objective += m.f[j]
			s.converged = s.converged && done
			g := floats.Norm(m.grad[j*p.width:(j+1)*p.width], 2)
			squares += g * g
		}
		s.iterations = max(s.iterations, iterations)
	}
	p.trail.leave(p.c, params)
	s.layers = []affine{p.unpad(params, p.k)}
	s.gradientNorm = math.Sqrt(squares)
	return s, nil
}

func newMarginNewton(p *problem, l squaredHinge, lo, hi int) *marginNewton {
	m := &marginNewton{problem: p, loss: l, rows: dense.PadRows(hi - lo)}
	for c := lo; c < hi; c++ {
		m.classes = append(m.classes, c)
	}
	g := len(m.classes)
	m.w, m.grad, m.dir = make([]float64, m.rows*p.width), make([]float64, m.rows*p.width), make([]float64, m.rows*p.width)
	m.scores, m.change = make([]float64, p.n*g), make([]float64, p.n*g)
	m.f, m.done = make([]float64, g), make([]bool, g)
	return m
}

func (m *marginNewton) solve(ctx context.Context) (iterations int, err error) {
	if err := m.multiply(ctx, m.scores, m.w); err != nil {
		return 0, err
	}
	gradient := m.newSums(m.rows * m.width)
	for ; ; iterations++ {
		if err := m.evaluate(ctx, gradient); err != nil {
			return 0, err
		}
		if m.allDone() || iterations >= m.maxIter {
			return iterations, nil
		}
		if err := m.directions(ctx); err != nil {
			return 0, err
		}
		if err := m.multiply(ctx, m.change, m.dir); err != nil {
			return 0, err
		}
		parallel(m.workers, len(m.classes), m.move)
	}
}

func (m *marginNewton) allDone() bool {
	for _, done := range m.done {
		if !done {
			return false
		}
	}
	return true
}

// multiply sets dst (n x classes) to the products of all rows with w.
func (m *marginNewton) multiply(ctx context.Context, dst, w []float64) error {
	g := len(m.classes)
	return m.pass(ctx, maxChunks, func(b *block) {
		out := make([]float64, b.padded*m.rows)
		dense.MulTrans(out, b.x, w, b.padded, m.rows, m.width)
		for i := range b.n {
			copy(dst[(b.lo+i)*g:(b.lo+i+1)*g], out[i*m.rows:])
		}
	})
}

// evaluate sets values, gradients and what is done.
func (m *marginNewton) evaluate(ctx context.Context, gradient *sums) error {
	err := gradient.add(ctx, m.grad, func(acc []float64, b *block) {
		residual := make([]float64, b.padded*m.rows)
		for i := range b.n {
			label := m.y[b.lo+i]
			for j, c := range m.classes {
				slack, sign := slack(m.scores[(b.lo+i)*len(m.classes)+j], c, label)
				residual[i*m.rows+j] = -2 * m.loss.weight(c, label) * sign * slack
			}
		}
		dense.AddTransMul(acc, residual, b.x, b.n, m.rows, m.width)
	})
	if err != nil {
		return err
	}
	parallel(m.workers, len(m.classes), func(j int) {
		w, grad := m.w[j*m.width:(j+1)*m.width], m.grad[j*m.width:(j+1)*m.width]
		floats.Add(grad, w)
		m.f[j] = 0.5*floats.Dot(w, w) + m.lossOf(j)
		m.done[j] = floats.Norm(grad, 2) <= m.tol*math.Sqrt(2*m.f[j])
	})
	return nil
}

func (m *marginNewton) lossOf(j int) float64 {
	sum := 0.0
	for i, label := range m.y {
		s, _ := slack(m.scores[i*len(m.classes)+j], m.classes[j], label)
		sum += m.loss.weight(m.classes[j], label) * s * s
	}
	return sum
}

// directions sets dir to minus the Newton steps of the classes that are not done, with one
// pass over the rows for as many classes as hessianValues allows.
func (m *marginNewton) directions(ctx context.Context) error {
	clear(m.dir)
	all := make([]*hessian, len(m.classes))
	parallel(m.workers, len(m.classes), func(j int) {
		if !m.done[j] {
			all[j] = newHessian(m.n, m.width, func(row int) float64 { return m.curvature(j, row) })
		}
	})
	for lo := 0; lo < len(all); {
		hi, size := lo, 0
		var group []*hessian
		for ; hi < len(all); hi++ {
			if all[hi] == nil {
				continue
			}
			if size += all[hi].size(); size > hessianValues && len(group) > 0 {
				break
			}
			group = append(group, all[hi])
		}
		if err := m.fillHessians(ctx, group); err != nil {
			return err
		}
		if err := m.solveFor(all, lo, hi); err != nil {
			return err
		}
		lo = hi
	}
	return nil
}

// solveFor sets the directions of classes lo to hi-1, and lets their Hessians go.
func (m *marginNewton) solveFor(all []*hessian, lo, hi int) error {
	errs := make([]error, hi-lo)
	parallel(m.workers, hi-lo, func(task int) {
		j := lo + task
		if all[j] == nil {
			return
		}
		dir := m.dir[j*m.width : (j+1)*m.width]
		errs[task] = all[j].solve(dir, m.grad[j*m.width:(j+1)*m.width])
		floats.Scale(-1, dir)
		all[j] = nil
	})
	return errors.Join(errs...)
}

// curvature is the second derivative of the loss of class j in a row, by its score.
func (m *marginNewton) curvature(j, row int) float64 {
	label := m.y[row]
	if s, _ := slack(m.scores[row*len(m.classes)+j], m.classes[j], label); s > 0 {
		return 2 * m.loss.weight(m.classes[j], label)
	}
	return 0
}

// move goes along dir to where the objective of class j is least.
func (m *marginNewton) move(j int) {
	if m.done[j] {
		return
	}
	w, dir := m.w[j*m.width:(j+1)*m.width], m.dir[j*m.width:(j+1)*m.width]
	t := m.search(j, floats.Dot(w, dir), floats.Dot(dir, dir))
	floats.AddScaled(w, t, dir)
	for i := j; i < len(m.scores); i += len(m.classes) {
		m.scores[i] += t * m.change[i]
	}
}

// search returns the step along dir to the minimum.
func (m *marginNewton) search(j int, wd, dd float64) float64 {
	return lineRoot(func(t float64) (slope, curve float64) {
		slope, curve = m.slope(j, t)
		return slope + wd + t*dd, curve + dd
	})
}

// slope returns the first and second derivative of the loss along dir.
func (m *marginNewton) slope(j int, t float64) (slope, curve float64) {
	g, c := len(m.classes), m.classes[j]
	for i, label := range m.y {
		d := m.change[i*g+j]
		s, sign := slack(m.scores[i*g+j]+t*d, c, label)
		if s > 0 {
			weight := 2 * m.loss.weight(c, label)
			slope -= weight * sign * s * d
			curve += weight * d * d
		}
	}
	return slope, curve
}
