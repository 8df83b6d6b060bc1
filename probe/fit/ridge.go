package fit

import (
	"context"
	"math"
	"slices"

	"github.com/wiseft/wiseft/probe/fit/internal/definite"
	"github.com/wiseft/wiseft/probe/fit/internal/dense"
	"github.com/wiseft/wiseft/probe/fit/internal/scaled"
	"gonum.org/v1/gonum/floats"
)

func init() {
	register(Solver{
		Name: "ridge",
		Doc: "RidgeClassifier, alpha = 1/C: C * sum((W x + b - t)^2) / 2 + 0.5 * ||W||^2, " +
			"t = +1 for the class, -1 for others",
		fit: fitRidge,
	})
}

// fitRidge minimises, in closed form,
//
//	f(W, b) = C/2 * sum_i ||W x_i + b - t_i||^2 + 0.5 * ||W||^2,
//
// with targets +1 for the label and -1 for the other classes, free intercepts, and C
// times the class's weight: scikit-learn's RidgeClassifier with alpha = 1/C.
func fitRidge(ctx context.Context, p *problem) (*solution, error) {
	if err := p.Center(ctx); err != nil {
		return nil, err
	}
	w := p.Width
	gram, params, err := p.ridgeSums(ctx)
	if err != nil {
		return nil, err
	}
	total := gram[p.D*w+p.D]
	for j := range w {
		gram[j*w+j]++ // penalty, or padding
	}
	gram[p.D*w+p.D] = total
	if !definite.Solve(p.Workers, gram, w, params[:p.K*w]) {
		return nil, scaled.ErrTooLarge
	}
	f, norm, err := p.ridgeObjective(ctx, params)
	if err != nil {
		return nil, err
	}
	return &solution{
		layers: []affine{p.unpad(params, p.K)}, objective: f, gradientNorm: norm, iterations: 1, converged: true,
	}, nil
}

// ridgeSums are the sums of x x^T (width x width, the lower triangle) and of x t^T (classes, padded, x width) over the
// rows, weighted by class.
type ridgeSums struct{ gram, targets []float64 }

// ridgeSums returns C times the sums over the rows. On a path they are computed once.
func (p *problem) ridgeSums(ctx context.Context) (gram, targets []float64, err error) {
	var sums *ridgeSums
	if p.path != nil && p.path.ridge != nil {
		sums = p.path.ridge
	} else if sums, err = p.sumRidge(ctx); err != nil {
		return nil, nil, err
	}
	gram, targets = sums.gram, sums.targets
	if p.path != nil {
		p.path.ridge = sums
		gram, targets = slices.Clone(gram), slices.Clone(targets)
	}
	floats.Scale(p.C, gram)
	floats.Scale(p.C, targets)
	return gram, targets, nil
}

// sumRidge returns the sums with C = 1. The targets of a class are -1 and for its own rows 2 more, so that its sum is
// that of its rows, twice, less that of all rows.
func (p *problem) sumRidge(ctx context.Context) (*ridgeSums, error) {
	w := p.Width
	s := &ridgeSums{gram: make([]float64, w*w), targets: make([]float64, dense.PadRows(p.K)*w)}
	own := func(c int) []float64 { return s.targets[c*w : (c+1)*w] }
	err := p.Gram(ctx, s.gram, p.rowWeights(), 1, func(b *scaled.Block) {
		for i := range b.N {
			label := p.Y[b.Lo+i]
			floats.AddScaled(own(label), math.Sqrt(p.Weight[label]/p.C), b.X[i*w:(i+1)*w])
		}
	})
	all := make([]float64, w)
	for c := range p.K {
		floats.Add(all, own(c))
	}
	for c := range p.K {
		floats.Scale(2, own(c))
		floats.Sub(own(c), all)
	}
	return s, err
}

// rowWeights returns the weight of every row with C = 1; nil if all are 1.
func (p *problem) rowWeights() []float64 {
	if !slices.ContainsFunc(p.Weight, func(v float64) bool { return v != p.C }) {
		return nil
	}
	h := make([]float64, p.N)
	for i, label := range p.Y {
		h[i] = p.Weight[label] / p.C
	}
	return h
}

// ridgeObjective returns the value and the norm of the gradient at params.
func (p *problem) ridgeObjective(ctx context.Context, params []float64) (f, norm float64, err error) {
	rows := dense.PadRows(p.K)
	size := rows * p.Width
	sum := make([]float64, size+1)
	err = p.NewSums(len(sum)).Add(ctx, sum, func(acc []float64, b *scaled.Block) {
		residual := make([]float64, b.Padded*rows)
		dense.MulTrans(residual, b.X, params, b.Padded, rows, p.Width)
		for i := range b.N {
			label := p.Y[b.Lo+i]
			row := residual[i*rows : (i+1)*rows]
			clear(row[p.K:])
			floats.AddConst(1, row[:p.K])
			row[label] -= 2
			acc[size] += 0.5 * p.Weight[label] * floats.Dot(row, row)
			floats.Scale(p.Weight[label], row)
		}
		dense.AddTransMul(acc[:size], residual, b.X, b.N, rows, p.Width)
	})
	f = sum[size]
	for c := range p.K {
		row := params[c*p.Width : c*p.Width+p.D]
		f += 0.5 * floats.Dot(row, row)
		floats.Add(sum[c*p.Width:c*p.Width+p.D], row)
	}
	return f, floats.Norm(sum[:size], 2), err
}
