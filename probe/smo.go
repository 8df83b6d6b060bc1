package probe

import (
	"context"
	"math"
	"slices"

	"github.com/wiseft/wiseft/probe/internal/dense"
	"gonum.org/v1/gonum/floats"
)

// kernelValues bounds the columns of a pair's kernel that are held: 128 MiB.
const kernelValues = 16 << 20

// smo solves the dual of a support vector machine with a free intercept,
//
//	min 0.5 a^T Q a - sum a,  0 <= a_i <= c_i,  s^T a = 0,  Q_ij = s_i s_j x_i x_j,
//
// by sequential minimal optimisation with second-order selection (Fan, Chen and Lin,
// Working set selection using second order information, 2005), in double precision: the
// single precision of LIBSVM's kernel leaves a duality gap of 1e-4.
type smo struct {
	width, d int
	rows     []float64 // n x width, the constant feature left out
	sign     []float64
	c        []float64
	alpha    []float64
	grad     []float64 // Q a - 1
	diag     []float64
	columns  map[int][]float64
	oldest   []int // of columns
	maxIter  int

	violation  float64
	iterations int
	w          []float64
	objective  float64 // primal
	converged  bool
	err        error
}

// smoIterations is how many steps, each of two rows, count as one iteration of a solver
// that sees all rows.
const smoIterations = 10_000

func newSMO(p *problem, pair [2]int, members [][]int) *smo {
	at := slices.Concat(members[pair[0]], members[pair[1]])
	n := len(at)
	s := &smo{
		width: p.width, d: p.d, columns: map[int][]float64{}, maxIter: p.maxIter * smoIterations,
		rows: make([]float64, dense.PadRows(n)*p.width), sign: make([]float64, n), c: make([]float64, n),
		alpha: make([]float64, n), grad: make([]float64, n), diag: make([]float64, n),
	}
	for i, row := range at {
		s.sign[i] = 1
		if i >= len(members[pair[0]]) {
			s.sign[i] = -1
		}
		s.c[i] = p.weight[p.y[row]]
		s.grad[i] = -1
		x, err := p.table.Rows(nil, row, row+1)
		if err != nil {
			s.err = err
			return s
		}
		to := s.rows[i*p.width : (i+1)*p.width]
		dense.Center(to, x, p.mean, p.scale)
		s.diag[i] = floats.Dot(to, to)
	}
	return s
}

func (s *smo) canRise(i int) bool {
	return s.sign[i] > 0 && s.alpha[i] < s.c[i] || s.sign[i] < 0 && s.alpha[i] > 0
}

func (s *smo) canFall(i int) bool {
	return s.sign[i] > 0 && s.alpha[i] > 0 || s.sign[i] < 0 && s.alpha[i] < s.c[i]
}

// solve runs until the duality gap is at most the share tol of the objective, or
// rounding hides what is left.
func (s *smo) solve(ctx context.Context, tol float64) error {
	if s.err != nil {
		return s.err
	}
	for violation := 1e-3; !s.converged && violation > 1e-16 && s.iterations < s.maxIter; violation /= 10 {
		if err := s.reduce(ctx, violation); err != nil {
			return err
		}
		s.converged = s.measure() <= tol*s.objective
	}
	return nil
}

// reduce runs until no two rows violate the optimality conditions by more than tol.
func (s *smo) reduce(ctx context.Context, tol float64) error {
	for ; s.iterations < s.maxIter; s.iterations++ {
		if s.iterations%1000 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		i, j := s.choose()
		if s.violation <= tol {
			return nil
		}
		s.step(i, j)
	}
	return nil
}

// choose returns the two rows to change, and sets the violation.
func (s *smo) choose() (i, j int) {
	i, j = -1, -1
	top, low := math.Inf(-1), math.Inf(1)
	for t := range s.alpha {
		if v := -s.sign[t] * s.grad[t]; s.canRise(t) && v > top {
			i, top = t, v
		}
	}
	column, best := s.column(i), math.Inf(-1)
	for t := range s.alpha {
		if !s.canFall(t) {
			continue
		}
		v := -s.sign[t] * s.grad[t]
		low = min(low, v)
		if gap := top - v; gap > 0 {
			if gain := gap * gap / s.curvature(i, t, column[t]); gain > best {
				j, best = t, gain
			}
		}
	}
	s.violation = max(0, top-low)
	if j < 0 {
		s.violation = 0
	}
	return i, j
}

// curvature of the objective along a change of two rows; k is their kernel.
func (s *smo) curvature(i, j int, k float64) float64 {
	return max(s.diag[i]+s.diag[j]-2*k, 1e-12*(s.diag[i]+s.diag[j])+math.SmallestNonzeroFloat64)
}

// step moves the two multipliers by the same amount in score space, as far as their
// bounds allow.
func (s *smo) step(i, j int) {
	ki, kj := s.column(i), s.column(j)
	v := -s.sign[i]*s.grad[i] + s.sign[j]*s.grad[j]
	t := v / s.curvature(i, j, ki[j])
	// alpha_i moves by +sign_i t, alpha_j by -sign_j t.
	t = min(t, s.room(i, s.sign[i]), s.room(j, -s.sign[j]))
	s.move(i, s.sign[i]*t)
	s.move(j, -s.sign[j]*t)
	for r, sign := range s.sign {
		s.grad[r] += t * sign * (ki[r] - kj[r])
	}
}

// room is how far multiplier i can go in a direction.
func (s *smo) room(i int, direction float64) float64 {
	if direction > 0 {
		return s.c[i] - s.alpha[i]
	}
	return s.alpha[i]
}

// move changes a multiplier; what rounding leaves next to a bound goes onto it.
func (s *smo) move(i int, by float64) {
	a := s.alpha[i] + by
	if slack := 1e-14 * s.c[i]; a < slack {
		a = 0
	} else if a > s.c[i]-slack {
		a = s.c[i]
	}
	s.alpha[i] = a
}

// column returns the inner products of row i with all rows.
func (s *smo) column(i int) []float64 {
	if k := s.columns[i]; k != nil {
		return k
	}
	if len(s.columns) >= max(2, kernelValues/len(s.alpha)) {
		delete(s.columns, s.oldest[0])
		s.oldest = s.oldest[1:]
	}
	k := make([]float64, len(s.alpha))
	row := s.rows[i*s.width : (i+1)*s.width]
	for r := range k {
		k[r] = floats.Dot(row, s.rows[r*s.width:(r+1)*s.width])
	}
	s.columns[i], s.oldest = k, append(s.oldest, i)
	return k
}
