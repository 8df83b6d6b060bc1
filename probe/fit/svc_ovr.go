package fit

import "context"

func init() {
	register(Solver{
		Name:  "svc-ovr",
		Doc:   "LinearSVC: squared hinge, one class against the rest: C * sum(max(0, 1 - s)^2) + 0.5 * (||W||^2 + ||b||^2)",
		Start: "weights and intercepts that the first step is taken from",
		fit:   fitSVCOneVsRest,
	})
}

// fitSVCOneVsRest minimises, for every class c with s_i = +1 for its rows and -1 for all
// others, the objective of scikit-learn's LinearSVC,
//
//	f(w, b) = C * sum_i max(0, 1 - s_i (w x_i + b))^2 + 0.5 * (||w||^2 + b^2),
//
// whose intercept is penalised, and so depends on where the origin of the features is.
// The classes are independent, and each is solved by Newton's method on its piecewise
// quadratic objective (Keerthi and DeCoste, A modified finite Newton method for fast
// solution of large scale linear SVMs, 2005) with an exact line search; see [marginNewton].
// The objective reported is their sum. f is strongly convex with modulus 1, so that a
// gradient norm of Tol * sqrt(2 f) leaves f within Tol^2 of its minimum.
func fitSVCOneVsRest(ctx context.Context, p *problem) (*solution, error) {
	if err := p.checkLinearStart(); err != nil {
		return nil, err
	}
	l := squaredHinge{own: p.weight, rest: make([]float64, p.k)}
	for c := range l.rest {
		l.rest[c] = p.c
		if p.k == 2 {
			l.rest[c] = p.weight[c]
		}
	}
	return fitMargins(ctx, p, l)
}

// squaredHinge is the sum over the classes of the squared hinge loss of one class
// against the rest. As in LIBLINEAR, the weight of a class counts where its rows are the
// positive ones; for two classes on both sides.
type squaredHinge struct{ own, rest []float64 }

func (l squaredHinge) weight(class, label int) float64 {
	if class == label {
		return l.own[label]
	}
	return l.rest[label]
}

// slack returns 1 - s z where it is positive, else 0, and the sign s.
func slack(score float64, class, label int) (slack, sign float64) {
	sign = -1
	if class == label {
		sign = 1
	}
	return max(0, 1-sign*score), sign
}
