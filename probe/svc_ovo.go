package probe

import (
	"context"
	"math"

	"gonum.org/v1/gonum/floats"
)

func init() {
	register(Solver{
		Name: "svc-ovo",
		Doc:  "SVC, linear kernel: hinge, one class against one, votes: C * sum(max(0, 1 - s)) + 0.5 * ||w||^2 for each pair",
		fit:  fitSVCOneVsOne,
	})
}

// fitSVCOneVsOne minimises, for every pair of classes i < j with s = +1 for the rows of
// i and -1 for those of j, the objective of LIBSVM and scikit-learn's SVC,
//
//	f(w, b) = C * sum max(0, 1 - s (w x + b)) + 0.5 * ||w||^2,
//
// whose intercept is free, by [smo] on its dual. A row goes to the class with the most
// pairs on its side, of equal ones to the first: the scores are those votes. Pairs come
// in the order (0,1), (0,2), ..., and the objective reported is the sum over them. It has
// converged when the duality gap of every pair is at most Tol/1000 of its objective, by
// default 1e-9. The optimum of a pair does not depend on a start, and Init is not used.
func fitSVCOneVsOne(ctx context.Context, p *problem) (*solution, error) {
	if err := p.center(ctx); err != nil {
		return nil, err
	}
	members := make([][]int, p.k)
	for i, label := range p.y {
		members[label] = append(members[label], i)
	}
	var pairs [][2]int
	for i := range p.k {
		for j := i + 1; j < p.k; j++ {
			pairs = append(pairs, [2]int{i, j})
		}
	}
	hidden := affine{w: make([]float64, len(pairs)*p.d), b: make([]float64, len(pairs)), act: Step}
	results, errs := make([]*smo, len(pairs)), make([]error, len(pairs))
	parallel(p.workers, len(pairs), func(at int) {
		s := newSMO(p, pairs[at], members)
		if errs[at] = s.solve(ctx, p.tol/1000); errs[at] != nil {
			return
		}
		copy(hidden.w[at*p.d:(at+1)*p.d], s.w)
		hidden.b[at] = s.intercept()
		s.rows, s.columns = nil, nil
		results[at] = s
	})
	sol := &solution{layers: []affine{hidden, votes(p.k, pairs)}, converged: true}
	for at, s := range results {
		if errs[at] != nil {
			return nil, errs[at]
		}
		sol.objective += s.objective
		sol.iterations += s.iterations
		sol.gradientNorm = max(sol.gradientNorm, s.violation)
		sol.converged = sol.converged && s.converged
	}
	return sol, nil
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

// measure sets the weights and the primal objective, and returns the duality gap.
func (s *smo) measure() (gap float64) {
	w, dual := make([]float64, s.width), floats.Sum(s.alpha)
	for i, a := range s.alpha {
		if a != 0 {
			floats.AddScaled(w, a*s.sign[i], s.rows[i*s.width:(i+1)*s.width])
		}
	}
	s.objective = 0.5 * floats.Dot(w, w)
	b := s.intercept()
	for i, sign := range s.sign {
		score := floats.Dot(w, s.rows[i*s.width:(i+1)*s.width]) + b
		s.objective += s.c[i] * max(0, 1-sign*score)
	}
	s.w = w[:s.d]
	return s.objective - (dual - 0.5*floats.Dot(w, w))
}

// intercept is what the free support vectors agree on; without any, the middle of what
// the optimality conditions allow.
func (s *smo) intercept() float64 {
	sum, free := 0.0, 0
	up, low := math.Inf(-1), math.Inf(1)
	for i, a := range s.alpha {
		v := -s.sign[i] * s.grad[i]
		if a > 0 && a < s.c[i] {
			sum += v
			free++
		}
		if s.canRise(i) {
			up = max(up, v)
		}
		if s.canFall(i) {
			low = min(low, v)
		}
	}
	if free > 0 {
		return sum / float64(free)
	}
	return (up + low) / 2
}
