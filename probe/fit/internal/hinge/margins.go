package hinge

import (
	"context"
	"errors"
	"math"

	"github.com/wiseft/wiseft/probe/fit/internal/dense"
	"github.com/wiseft/wiseft/probe/fit/internal/scaled"
	"gonum.org/v1/gonum/floats"
)

// groupValues bounds the scores in memory for a group of classes: twice 64 MiB.
const groupValues = 8 << 20

// marginNewton solves the problems of a group of classes at the same time, so that they share the passes over the
// rows.
type marginNewton struct {
	*scaled.Problem
	loss    Squared
	classes []int // of the group
	rows    int   // their number, padded

	w, grad, dir []float64 // rows x width
	scores       []float64 // n x classes
	change       []float64 // n x classes: of the scores along dir
	f            []float64 // per class
	done         []bool
}

// Margins is the result of [SolveMargins].
type Margins struct {
	Params       []float64 // weights and intercepts of scaled features, k x width
	Objective    float64   // sum over the classes
	GradientNorm float64   // Euclidean, of all classes
	Iterations   int       // of the class with the most
	Converged    bool
}

// SolveMargins minimises the squared hinge loss of every class against the rest, from start (k x width), by Newton's
// method with an exact line search. The rows that have curvature differ too much between classes for one
// preconditioner: L-BFGS took 540 iterations where Newton's method takes 20. Classes are solved in groups whose
// scores fit into memory.
func SolveMargins(ctx context.Context, p *scaled.Problem, l Squared, start []float64) (*Margins, error) {
	size := min(p.K, max(dense.RowTile, groupValues/p.N))
	s := &Margins{Params: make([]float64, 0, len(start)), Converged: true}
	squares := 0.0
	for lo := 0; lo < p.K; lo += size {
		m := newMarginNewton(p, l, lo, min(lo+size, p.K))
		copy(m.w, start[lo*p.Width:min(lo+size, p.K)*p.Width])
		iterations, err := m.solve(ctx)
		if err != nil {
			return nil, err
		}
		s.Params = append(s.Params, m.w[:len(m.classes)*p.Width]...)
		for j, done := range m.done {
			s.Objective += m.f[j]
			s.Converged = s.Converged && done
			g := floats.Norm(m.grad[j*p.Width:(j+1)*p.Width], 2)
			squares += g * g
		}
		s.Iterations = max(s.Iterations, iterations)
	}
	s.GradientNorm = math.Sqrt(squares)
	return s, nil
}

func newMarginNewton(p *scaled.Problem, l Squared, lo, hi int) *marginNewton {
	m := &marginNewton{Problem: p, loss: l, rows: dense.PadRows(hi - lo)}
	for c := lo; c < hi; c++ {
		m.classes = append(m.classes, c)
	}
	g := len(m.classes)
	m.w, m.grad, m.dir = make([]float64, m.rows*p.Width), make([]float64, m.rows*p.Width), make([]float64, m.rows*p.Width)
	m.scores, m.change = make([]float64, p.N*g), make([]float64, p.N*g)
	m.f, m.done = make([]float64, g), make([]bool, g)
	return m
}

func (m *marginNewton) solve(ctx context.Context) (iterations int, err error) {
	if err := m.multiply(ctx, m.scores, m.w); err != nil {
		return 0, err
	}
	gradient := m.NewSums(m.rows * m.Width)
	for ; ; iterations++ {
		if err := m.evaluate(ctx, gradient); err != nil {
			return 0, err
		}
		if m.allDone() || iterations >= m.MaxIter {
			return iterations, nil
		}
		if err := m.directions(ctx); err != nil {
			return 0, err
		}
		if err := m.multiply(ctx, m.change, m.dir); err != nil {
			return 0, err
		}
		scaled.Parallel(m.Workers, len(m.classes), m.move)
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

// multiply sets dst (n x classes) to the products of all rows with w (rows x width).
func (m *marginNewton) multiply(ctx context.Context, dst, w []float64) error {
	g := len(m.classes)
	return m.Pass(ctx, scaled.MaxChunks, func(b *scaled.Block) {
		out := make([]float64, b.Padded*m.rows)
		dense.MulTrans(out, b.X, w, b.Padded, m.rows, m.Width)
		for i := range b.N {
			copy(dst[(b.Lo+i)*g:(b.Lo+i+1)*g], out[i*m.rows:])
		}
	})
}

// evaluate sets f, grad and done.
func (m *marginNewton) evaluate(ctx context.Context, gradient *scaled.Sums) error {
	err := gradient.Add(ctx, m.grad, func(acc []float64, b *scaled.Block) {
		residual := make([]float64, b.Padded*m.rows)
		for i := range b.N {
			label := m.Y[b.Lo+i]
			for j, c := range m.classes {
				slack, sign := slack(m.scores[(b.Lo+i)*len(m.classes)+j], c, label)
				residual[i*m.rows+j] = -2 * m.loss.weight(c, label) * sign * slack
			}
		}
		dense.AddTransMul(acc, residual, b.X, b.N, m.rows, m.Width)
	})
	if err != nil {
		return err
	}
	scaled.Parallel(m.Workers, len(m.classes), func(j int) {
		w, grad := m.w[j*m.Width:(j+1)*m.Width], m.grad[j*m.Width:(j+1)*m.Width]
		floats.Add(grad, w)
		m.f[j] = 0.5*floats.Dot(w, w) + m.lossOf(j)
		m.done[j] = floats.Norm(grad, 2) <= m.Tol*math.Sqrt(2*m.f[j])
	})
	return nil
}

func (m *marginNewton) lossOf(j int) float64 {
	sum := 0.0
	for i, label := range m.Y {
		s, _ := slack(m.scores[i*len(m.classes)+j], m.classes[j], label)
		sum += m.loss.weight(m.classes[j], label) * s * s
	}
	return sum
}

// directions sets dir to the Newton steps of the classes that are not done, with one pass over the rows for as many
// classes as hessianValues allows.
func (m *marginNewton) directions(ctx context.Context) error {
	clear(m.dir)
	all := make([]*hessian, len(m.classes))
	scaled.Parallel(m.Workers, len(m.classes), func(j int) {
		if !m.done[j] {
			all[j] = newHessian(m.N, m.Width, func(row int) float64 { return m.curvature(j, row) })
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
		if err := fillHessians(ctx, m.Rows, group); err != nil {
			return err
		}
		if err := m.solveFor(all, lo, hi); err != nil {
			return err
		}
		lo = hi
	}
	return nil
}

// solveFor sets the directions of classes lo to hi-1, and drops their Hessians.
func (m *marginNewton) solveFor(all []*hessian, lo, hi int) error {
	errs := make([]error, hi-lo)
	scaled.Parallel(m.Workers, hi-lo, func(task int) {
		j := lo + task
		if all[j] == nil {
			return
		}
		dir := m.dir[j*m.Width : (j+1)*m.Width]
		errs[task] = all[j].solve(dir, m.grad[j*m.Width:(j+1)*m.Width])
		floats.Scale(-1, dir)
		all[j] = nil
	})
	return errors.Join(errs...)
}

// curvature returns the second derivative of the loss of class j in a row with respect to its score.
func (m *marginNewton) curvature(j, row int) float64 {
	label := m.Y[row]
	if s, _ := slack(m.scores[row*len(m.classes)+j], m.classes[j], label); s > 0 {
		return 2 * m.loss.weight(m.classes[j], label)
	}
	return 0
}

// move changes w and scores of class j by the step along dir that minimises the objective.
func (m *marginNewton) move(j int) {
	if m.done[j] {
		return
	}
	w, dir := m.w[j*m.Width:(j+1)*m.Width], m.dir[j*m.Width:(j+1)*m.Width]
	t := m.search(j, floats.Dot(w, dir), floats.Dot(dir, dir))
	floats.AddScaled(w, t, dir)
	for i := j; i < len(m.scores); i += len(m.classes) {
		m.scores[i] += t * m.change[i]
	}
}

// search returns the step along dir that minimises the objective. wd and dd are the inner products of w and dir, and
// of dir with itself.
func (m *marginNewton) search(j int, wd, dd float64) float64 {
	return lineRoot(func(t float64) (slope, curve float64) {
		slope, curve = m.slope(j, t)
		return slope + wd + t*dd, curve + dd
	})
}

// slope returns the first and second derivative of the loss along dir.
func (m *marginNewton) slope(j int, t float64) (slope, curve float64) {
	g, c := len(m.classes), m.classes[j]
	for i, label := range m.Y {
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
