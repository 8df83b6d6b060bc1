package fit

import (
	"context"
	"slices"

	"github.com/wiseft/wiseft/probe/fit/internal/dense"
	"github.com/wiseft/wiseft/probe/fit/internal/lbfgs"
	"github.com/wiseft/wiseft/probe/fit/internal/softmax"
	"gonum.org/v1/gonum/floats"
)

func init() {
	register(Solver{
		Name:  "logistic",
		Doc:   "multinomial logistic regression, L2, free intercepts: C * sum(log loss) + 0.5 * ||W||^2",
		Start: "weights and intercepts at which the optimisation starts",
		fit:   fitLogistic,
	})
}

// fitLogistic minimises scikit-learn's objective of multinomial logistic regression,
//
//	f(W, b) = C * sum_i -log softmax(W x_i + b)[y_i] + 0.5 * ||W||^2,
//
// by [lbfgs.Minimize]. With two classes scikit-learn fits one vector, w = W_1 - W_0, whose optimum at C is this one's at
// C/2: the penalty of W_1 = -W_0 = w/2 is half of that of w.
//
// The features are centred: the optimal W stays the same, and the intercepts, which are not penalised, change by W
// times the mean. The fit has converged when
//
//	sqrt(||grad_W f||^2 + sum_c (grad_b f)_c^2 / min(1, h_c)) <= Tol * sqrt(2 f)
//
// with h_c = C * sum_i p_ic (1 - p_ic), the curvature along the intercept of class c. f is strongly convex in W with
// modulus 1, and ||W||^2 <= 2 f, so that f then lies within a share of about Tol^2 of its minimum and W within Tol *
// sqrt(2 f) of the optimum. The smallest Tol that rounding allows is about 1e-8.
func fitLogistic(ctx context.Context, p *problem) (*solution, error) {
	if err := p.checkLinearStart(); err != nil {
		return nil, err
	}
	if err := p.Center(ctx); err != nil {
		return nil, err
	}
	opt := lbfgs.Options{Start: p.start(dense.PadRows(p.K))}
	if p.path != nil {
		opt.Last = p.path.last
	}
	d, err := lbfgs.Minimize(ctx, p.Problem, softmax.Loss{Weight: p.Weight}, opt)
	if err != nil {
		return nil, err
	}
	end := d.Optimum()
	p.path.addOptimum(p.C, end.Params)
	if p.path != nil {
		p.path.last = d
	}
	s := &solution{
		layers: []affine{p.unpad(end.Params, p.K)}, objective: end.Value, gradientNorm: end.GradientNorm,
		iterations: end.Iterations, converged: end.Converged,
	}
	a := &s.layers[0]
	// The sum of the intercepts of unscaled features is set to 0; the objective does not depend on it.
	shift := floats.Sum(a.b)
	for c := range a.b {
		row := slices.Clone(a.w[c*p.D : (c+1)*p.D])
		floats.Mul(row, p.Scale)
		shift -= floats.Dot(row, p.Mean)
	}
	floats.AddConst(-shift/float64(p.K), a.b)
	return s, nil
}
