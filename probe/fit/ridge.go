package fit

import (
	"context"
	"slices"

	"github.com/wiseft/wiseft/probe/fit/internal/dense"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/lapack/lapack64"
)

func init() {
	register(Solver{
		Name: "ridge",
		Doc:  "RidgeClassifier, alpha = 1/C: C * sum((W x + b - t)^2) / 2 + 0.5 * ||W||^2, t = +1 for the class, -1 for others",
		fit:  fitRidge,
	})
}

// fitRidge minimises, in closed form,
//
//	f(W, b) = C/2 * sum_i ||W x_i + b - t_i||^2 + 0.5 * ||W||^2,
//
// with targets +1 for the label and -1 for the other classes, free intercepts, and C
// times the class's weight: scikit-learn's RidgeClassifier with alpha = 1/C.
func fitRidge(ctx context.Context, p *problem) (*solution, error) {
	if err := p.center(ctx); err != nil {
		return nil, err
	}
	rows, w := dense.PadRows(p.k), p.width
	sum, err := p.ridgeSums(ctx, rows)
	if err != nil {
		return nil, err
	}
	gram, params := sum[:w*w], sum[w*w:]
	total := gram[p.d*w+p.d]
	for j := range w {
		gram[j*w+j]++ // penalty, or padding
	}
	gram[p.d*w+p.d] = total
	t, ok := lapack64.Potrf(blas64.Symmetric{Uplo: blas.Lower, N: w, Stride: w, Data: gram})
	if !ok {
		return nil, errTooLarge
	}
	parallel(p.workers, p.k, func(c int) {
		lapack64.Potrs(t, blas64.General{Rows: w, Cols: 1, Stride: 1, Data: params[c*w : (c+1)*w]})
	})
	f, norm, err := p.ridgeObjective(ctx, params, rows)
	if err != nil {
		return nil, err
	}
	return &solution{
		layers: []affine{p.unpad(params, p.k)}, objective: f, gradientNorm: norm, iterations: 1, converged: true,
	}, nil
}

// ridgeSums returns C times the sums of x x^T (width x width) and x t^T (rows x width) over the
// rows, weighted by class. They are made once on a path.
func (p *problem) ridgeSums(ctx context.Context, rows int) ([]float64, error) {
	if p.trail != nil && p.trail.ridge != nil {
		sum := slices.Clone(p.trail.ridge)
		floats.Scale(p.c, sum)
		return sum, nil
	}
	w := p.width
	sum := make([]float64, (w+rows)*w)
	err := p.newSums(len(sum)).add(ctx, sum, func(acc []float64, b *block) {
		curved, target := make([]float64, b.n*w), make([]float64, b.n*rows)
		for i := range b.n {
			label := p.y[b.lo+i]
			weight := p.weight[label] / p.c
			floats.AddScaled(curved[i*w:(i+1)*w], weight, b.x[i*w:(i+1)*w])
			for c := range p.k {
				target[i*rows+c] = -weight
			}
			target[i*rows+label] = weight
		}
		dense.AddGram(acc[:w*w], curved, b.x, b.n, w)
		dense.AddTransMul(acc[w*w:], target, b.x, b.n, rows, w)
	})
	if p.trail != nil {
		p.trail.ridge = slices.Clone(sum)
	}
	floats.Scale(p.c, sum)
	return sum, err
}

// ridgeObjective returns the value and the norm of the gradient at params.
func (p *problem) ridgeObjective(ctx context.Context, params []float64, rows int) (f, norm float64, err error) {
	size := rows * p.width
	sum := make([]float64, size+1)
	err = p.newSums(len(sum)).add(ctx, sum, func(acc []float64, b *block) {
		residual := make([]float64, b.padded*rows)
		dense.MulTrans(residual, b.x, params, b.padded, rows, p.width)
		for i := range b.n {
			label := p.y[b.lo+i]
			row := residual[i*rows : (i+1)*rows]
			clear(row[p.k:])
			floats.AddConst(1, row[:p.k])
			row[label] -= 2
			acc[size] += 0.5 * p.weight[label] * floats.Dot(row, row)
			floats.Scale(p.weight[label], row)
		}
		dense.AddTransMul(acc[:size], residual, b.x, b.n, rows, p.width)
	})
	f = sum[size]
	for c := range p.k {
		row := params[c*p.width : c*p.width+p.d]
		f += 0.5 * floats.Dot(row, row)
		floats.Add(sum[c*p.width:c*p.width+p.d], row)
	}
	return f, floats.Norm(sum[:size], 2), err
}
