package fit

import (
	"context"

	"github.com/wiseft/wiseft/probe/fit/internal/hinge"
)

func init() {
	register(Solver{
		Name:  "svc-ovr",
		Doc:   "LinearSVC: squared hinge, one class against the rest: C * sum(max(0, 1 - s)^2) + 0.5 * (||W||^2 + ||b||^2)",
		Start: "weights and intercepts at which the optimisation starts",
		fit:   fitSVCOneVsRest,
	})
}

// fitSVCOneVsRest minimises, for every class c with s_i = +1 for its rows and -1 for all others, the objective of
// scikit-learn's LinearSVC,
//
//	f(w, b) = C * sum_i max(0, 1 - s_i (w x_i + b))^2 + 0.5 * (||w||^2 + b^2),
//
// whose intercept is penalised, so that the optimum depends on the origin of the features. The classes are
// independent; each is solved by Newton's method on its piecewise quadratic objective (Keerthi and DeCoste, A
// modified finite Newton method for fast solution of large scale linear SVMs, 2005) with an exact line search; see
// [hinge.SolveMargins]. The objective reported is the sum over the classes. f is strongly convex with modulus 1, so
// that a gradient norm of Tol * sqrt(2 f) leaves f within Tol^2 of its minimum.
func fitSVCOneVsRest(ctx context.Context, p *problem) (*solution, error) {
	if err := p.checkLinearStart(); err != nil {
		return nil, err
	}
	l := hinge.Squared{Own: p.Weight, Rest: make([]float64, p.K)}
	for c := range l.Rest {
		l.Rest[c] = p.C
		if p.K == 2 {
			l.Rest[c] = p.Weight[c]
		}
	}
	end, err := hinge.SolveMargins(ctx, p.Problem, l, p.start(p.K))
	if err != nil {
		return nil, err
	}
	p.path.addOptimum(p.C, end.Params)
	return &solution{
		layers: []affine{p.unpad(end.Params, p.K)}, objective: end.Objective, gradientNorm: end.GradientNorm,
		iterations: end.Iterations, converged: end.Converged,
	}, nil
}
