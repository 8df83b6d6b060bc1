package fit

import (
	"context"
	"math"
)

func init() {
	register(Solver{
		Name:  "logistic-binary",
		Doc:   "logistic regression of two classes as scikit-learn fits it: C * sum(log loss) + 0.5 * ||w||^2, with w = W_1 - W_0",
		Start: "weights and intercepts at which the optimisation starts", Binary: true,
		fit: fitLogisticBinary,
	})
}

// fitLogisticBinary minimises scikit-learn's objective of logistic regression for two classes,
//
//	g(w, b) = C * sum_i log(1 + exp(-s_i (w x_i + b))) + 0.5 * ||w||^2, with s_i = 1 for the second class, -1 for the first.
//
// With W_1 = -W_0 = w/2, g is twice the objective f of [fitLogistic] at C/2, and its gradient sqrt(2) times as long.
func fitLogisticBinary(ctx context.Context, p *problem) (*solution, error) {
	c := p.C
	p.setC(c / 2)
	defer p.setC(c)
	s, err := fitLogistic(ctx, p)
	if err != nil {
		return nil, err
	}
	s.objective *= 2
	s.gradientNorm *= math.Sqrt2
	return s, nil
}
