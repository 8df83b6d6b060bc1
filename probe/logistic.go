package probe

import (
	"context"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/optimize"
)

func init() {
	register(Solver{
		Name: "logistic",
		Doc:  "multinomial logistic regression, L2, free intercepts: C * sum(log loss) + 0.5 * ||W||^2",
		fit:  fitLogistic,
	})
}

// roundIterations is how many L-BFGS iterations one preconditioner serves before it is
// made anew for the point reached. Its cost is that of about ten evaluations.
const roundIterations = 40

// history is the number of steps that L-BFGS remembers.
const history = 20

// fitLogistic minimises [softmaxLoss] by preconditioned L-BFGS (Nocedal and Wright,
// Numerical Optimization, 2nd edition, algorithm 7.5) in rounds.
//
// It works on centred features, which leaves the optimal W as it is and takes W times
// the mean from the intercepts, because those are not penalised. It has converged when
//
//	sqrt(||grad_W f||^2 + sum_c (grad_b f)_c^2 / min(1, h_c)) <= Tol * sqrt(2 f)
//
// with h_c = C * sum_i p_ic (1 - p_ic), the curvature along the intercept of class c. f
// is strongly convex in W with modulus 1, and ||W||^2 <= 2 f, so that then f lies
// within a share of about Tol^2 of its minimum and W within Tol * sqrt(2 f) of the
// optimum. Rounding allows about 1e-8; the default 1e-6 keeps away from it.
func fitLogistic(ctx context.Context, t *training) (*solution, error) {
	mean := center(t)
	d := &descent{
		ctx: ctx, loss: newSoftmaxLoss(t), tol: t.tol,
		w: make([]float64, t.k*t.d), b: make([]float64, t.k),
		grad: make([]float64, t.k*t.d+t.k),
	}
	if t.initW != nil {
		copy(d.w, t.initW)
		for c := range d.b {
			d.b[c] = t.initB[c] + floats.Dot(d.w[c*t.d:(c+1)*t.d], mean)
		}
	}
	iterations, err := d.minimize(t.maxIter)
	if err != nil {
		return nil, err
	}
	s := &solution{
		w: d.bestW, b: d.bestB, objective: d.bestF, gradientNorm: d.bestNorm,
		iterations: iterations, converged: d.done,
	}
	for c := range s.b {
		s.b[c] -= floats.Dot(s.w[c*t.d:(c+1)*t.d], mean)
	}
	// One constant may be added to all intercepts; theirs is the sum of zero.
	floats.AddConst(-floats.Sum(s.b)/float64(t.k), s.b)
	return s, nil
}

// center subtracts the mean from every feature, in place, and returns it.
func center(t *training) []float64 {
	mean := make([]float64, t.d)
	for i := range t.n {
		floats.Add(mean, t.x[i*t.d:(i+1)*t.d])
	}
	floats.Scale(1/float64(t.n), mean)
	for i := range t.n {
		floats.Sub(t.x[i*t.d:(i+1)*t.d], mean)
	}
	return mean
}

// descent is one minimisation. gonum asks for value and gradient apart, so the last
// evaluation is kept.
type descent struct {
	ctx  context.Context
	loss *softmaxLoss
	pre  *precondition
	tol  float64

	w, b []float64 // the parameters last evaluated
	at   []float64 // the variables that they were made from
	f    float64
	grad []float64 // with respect to the variables

	done            bool // best satisfies the tolerance
	bestW, bestB    []float64
	bestF, bestNorm float64
}

// minimize runs rounds until the tolerance is met, maxIter iterations are spent, or
// two rounds in a row leave the objective where it was. A line search that gives up,
// which rounding causes near the optimum, only ends its round.
func (d *descent) minimize(maxIter int) (iterations int, err error) {
	d.bestF = math.Inf(1)
	d.evaluate()
	for stuck := 0; !d.done && iterations < maxIter && stuck < 2; {
		if err := d.ctx.Err(); err != nil {
			return 0, err
		}
		before := d.bestNorm
		iterations += d.round(min(roundIterations, maxIter-iterations))
		if err := d.ctx.Err(); err != nil {
			return 0, err
		}
		stuck++
		if d.bestNorm < before {
			stuck = 0
		}
	}
	return iterations, nil
}

// round improves on the best point with a preconditioner of its own.
func (d *descent) round(maxIter int) (iterations int) {
	copy(d.w, d.bestW)
	copy(d.b, d.bestB)
	d.evaluate()
	d.pre = newPrecondition(d.loss)
	start := slices.Concat(d.w, d.b)
	d.pre.toVariables(start[:len(d.w)], start[len(d.w):])
	d.at = nil

	res, err := optimize.Minimize(optimize.Problem{
		Func:   func(x []float64) float64 { d.move(x); return d.f },
		Grad:   func(dst, x []float64) { d.move(x); copy(dst, d.grad) },
		Status: d.status,
	}, start, &optimize.Settings{
		MajorIterations: maxIter,
		Converger:       optimize.NeverTerminate{},
	}, &optimize.LBFGS{Linesearcher: &convexSearch{}, Store: history, GradStopThreshold: math.NaN()})
	if res == nil {
		return 1
	}
	_ = err // a line search that gave up; the best point is kept in any case
	return max(1, res.Stats.MajorIterations)
}

// status ends a round early.
func (d *descent) status() (optimize.Status, error) {
	switch {
	case d.ctx.Err() != nil:
		return optimize.Failure, d.ctx.Err()
	case d.done:
		return optimize.GradientThreshold, nil
	}
	return optimize.NotTerminated, nil
}

// move evaluates the objective at the variables x unless that is where it stands.
func (d *descent) move(x []float64) {
	if slices.Equal(d.at, x) {
		return
	}
	d.at = append(d.at[:0], x...)
	copy(d.w, x)
	copy(d.b, x[len(d.w):])
	d.pre.toParams(d.w, d.b)
	d.evaluate()
	d.pre.toGradient(d.grad[:len(d.w)], d.grad[len(d.w):])
}

// evaluate computes value and gradient at w and b and keeps the best point: the first
// that satisfies the tolerance, until then the lowest.
func (d *descent) evaluate() {
	d.f = d.loss.eval(d.grad[:len(d.w)], d.grad[len(d.w):], d.w, d.b)
	norm := floats.Norm(d.grad, 2)
	ok := d.scaledNorm() <= d.tol*math.Sqrt(2*d.f)
	noise := valueNoise * d.f
	better := d.f < d.bestF-noise || d.f <= d.bestF+noise && norm < d.bestNorm
	if d.done || !ok && !better {
		return
	}
	d.done = ok
	d.bestW = append(d.bestW[:0], d.w...)
	d.bestB = append(d.bestB[:0], d.b...)
	d.bestF, d.bestNorm = d.f, norm
}

// scaledNorm is the left side of the convergence test.
func (d *descent) scaledNorm() float64 {
	gradW, gradB := d.grad[:len(d.w)], d.grad[len(d.w):]
	curvature := make([]float64, len(gradB))
	d.loss.classCurvature(curvature)
	sum := floats.Dot(gradW, gradW)
	for c, g := range gradB {
		if g != 0 {
			sum += g * g / min(1, curvature[c])
		}
	}
	return math.Sqrt(sum)
}
