package fit

import (
	"context"
	"errors"
)

func init() {
	register(Solver{
		Name:  "svc-ovo",
		Doc:   "SVC, linear kernel: hinge, one class against one, votes: C * sum(max(0, 1 - s)) + 0.5 * ||w||^2 for each pair",
		Start: "hyperplanes that the first step is taken from: those of an svc-ovo probe, or the differences of a linear one's classes",
		fit:   fitSVCOneVsOne,
	})
}

// fitSVCOneVsOne minimises, for every pair of classes i < j with s = +1 for the rows of
// i and -1 for those of j, the objective of LIBSVM and scikit-learn's SVC,
//
//	f(w, b) = C * sum max(0, 1 - s (w x + b)) + 0.5 * ||w||^2,
//
// whose intercept is free, as [hingePair] does. A row goes to the class with the most
// pairs on its side, of equal ones to the first: the scores are those votes. Pairs come
// in the order (0,1), (0,2), ..., and the objective reported is the sum over them, as are
// iterations. It runs until the duality gap of every pair is at most Tol^2 of its objective,
// which bounds the distance of w from the optimum by Tol * sqrt(2 f), or rounding leaves
// nothing to gain. It has converged when that is at most Tol/1000, by default 1e-9.
func fitSVCOneVsOne(ctx context.Context, p *problem) (*solution, error) {
	if err := p.center(ctx); err != nil {
		return nil, err
	}
	pairs := pairsOf(p.k)
	start, err := p.startPairs(pairs)
	if err != nil {
		return nil, err
	}
	members := make([][]int, p.k)
	for i, label := range p.y {
		members[label] = append(members[label], i)
	}
	results, errs := make([]*hingePair, len(pairs)), make([]error, len(pairs))
	parallel(p.workers, len(pairs), func(at int) {
		h, err := newHingePair(p, [2][]int{members[pairs[at][0]], members[pairs[at][1]]})
		if err != nil {
			errs[at] = err
			return
		}
		start(h, at)
		errs[at] = h.solve(ctx, p.tol*p.tol)
		h.rows = nil
		results[at] = h
	})
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	p.trail.keepPairs(results)
	hidden := affine{w: make([]float64, 0, len(pairs)*p.d), b: make([]float64, len(pairs)), act: Step}
	sol := &solution{converged: true}
	for at, h := range results {
		hidden.w = append(hidden.w, h.best.w...)
		hidden.b[at] = h.best.b
		sol.objective += h.best.objective
		sol.iterations += h.iterations
		sol.gradientNorm = max(sol.gradientNorm, h.best.violation)
		sol.converged = sol.converged && h.best.gap <= p.tol/1000*h.best.objective
	}
	sol.layers = []affine{hidden, votes(p.k, pairs)}
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

// votes is the layer that counts the pairs on the side of every class: a step of 1 is a
// vote for the first of its pair, one of 0 for the second.
func votes(k int, pairs [][2]int) affine {
	a := affine{w: make([]float64, k*len(pairs)), b: make([]float64, k)}
	for at, pair := range pairs {
		a.w[pair[0]*len(pairs)+at] = 1
		a.w[pair[1]*len(pairs)+at] = -1
		a.b[pair[1]]++
	}
	return a
}
