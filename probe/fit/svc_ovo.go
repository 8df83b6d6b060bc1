package fit

import (
	"context"
	"errors"

	"github.com/wiseft/wiseft/probe/fit/internal/hinge"
	"github.com/wiseft/wiseft/probe/fit/internal/scaled"
)

func init() {
	register(Solver{
		Name: "svc-ovo",
		Doc:  "SVC, linear kernel: hinge, one class against one, votes: C * sum(max(0, 1 - s)) + 0.5 * ||w||^2 for each pair",
		Start: "hyperplanes at which the optimisation starts: those of an svc-ovo probe, " +
			"or the differences of a linear one's classes",
		fit: fitSVCOneVsOne,
	})
}

// fitSVCOneVsOne minimises, for every pair of classes i < j with s = +1 for the rows of i and -1 for those of j, the
// objective of LIBSVM and scikit-learn's SVC,
//
//	f(w, b) = C * sum max(0, 1 - s (w x + b)) + 0.5 * ||w||^2,
//
// with a free intercept; see [hinge.Pair]. The score of a class is its number of votes: each pair votes for the class
// on whose side the row lies, and of equal scores the first class is predicted. Pairs come in the order (0,1), (0,2),
// ...; objective and iterations are summed over them. A pair is solved until its duality gap is at most Tol^2 of its
// objective, which bounds the distance of w from the optimum by Tol * sqrt(2 f), or rounding allows no further
// progress. The fit has converged when every gap is at most Tol/1000 of its objective, by default 1e-9.
func fitSVCOneVsOne(ctx context.Context, p *problem) (*solution, error) {
	if err := p.Center(ctx); err != nil {
		return nil, err
	}
	pairs := pairsOf(p.K)
	start, err := p.startPairs(pairs)
	if err != nil {
		return nil, err
	}
	members := make([][]int, p.K)
	for i, label := range p.Y {
		members[label] = append(members[label], i)
	}
	results, errs := make([]*hinge.Pair, len(pairs)), make([]error, len(pairs))
	scaled.Parallel(p.Workers, len(pairs), func(at int) {
		h, err := hinge.NewPair(p.Problem, [2][]int{members[pairs[at][0]], members[pairs[at][1]]})
		if err != nil {
			errs[at] = err
			return
		}
		start(h, at)
		errs[at] = h.Solve(ctx, p.Tol*p.Tol)
		h.Release()
		results[at] = h
	})
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	p.path.setPairs(results)
	hidden := affine{w: make([]float64, 0, len(pairs)*p.D), b: make([]float64, len(pairs)), act: Step}
	sol := &solution{converged: true}
	for at, h := range results {
		hidden.w = append(hidden.w, h.Best.W...)
		hidden.b[at] = h.Best.B
		sol.objective += h.Best.Objective
		sol.iterations += h.Iterations
		sol.gradientNorm = max(sol.gradientNorm, h.Best.Violation)
		sol.converged = sol.converged && h.Best.Gap <= p.Tol/1000*h.Best.Objective
	}
	sol.layers = []affine{hidden, votes(p.K, pairs)}
	return sol, nil
}

// pairsOf returns the pairs of k classes in LIBSVM's order.
func pairsOf(k int) [][2]int {
	var pairs [][2]int
	for i := range k {
		for j := i + 1; j < k; j++ {
			pairs = append(pairs, [2]int{i, j})
		}
	}
	return pairs
}

// votes returns the layer that counts the votes for every class: an output 1 of the layer before is a vote for the
// first class of its pair, 0 for the second.
func votes(k int, pairs [][2]int) affine {
	a := affine{w: make([]float64, k*len(pairs)), b: make([]float64, k)}
	for at, pair := range pairs {
		a.w[pair[0]*len(pairs)+at] = 1
		a.w[pair[1]*len(pairs)+at] = -1
		a.b[pair[1]]++
	}
	return a
}
