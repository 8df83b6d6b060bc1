package fit

import (
	"context"
	"slices"

	"github.com/wiseft/wiseft/probe/fit/internal/dense"
	"github.com/wiseft/wiseft/probe/fit/internal/scaled"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/lapack/lapack64"
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
	rows, w := dense.PadRows(p.K), p.Width
	sum, err := p.ridgeSums(ctx, rows)
	if err != nil {
		return nil, err
	}
	gram, params := sum[:w*w], sum[w*w:]
	total := gram[p.D*w+p.D]
	for j := range w {
		gram[j*w+j]++ // penalty, or padding
	}
	gram[p.D*w+p.D] = total
	t, ok := lapack64.Potrf(blas64.Symmetric{Uplo: blas.Lower, N: w, Stride: w, Data: gram})
	if !ok {
		return nil, scaled.ErrTooLarge
	}
	scaled.Parallel(p.Workers, p.K, func(c int) {
		lapack64.Potrs(t, blas64.General{Rows: w, Cols: 1, Stride: 1, Data: params[c*w : (c+1)*w]})
	})
	f, norm, err := p.ridgeObjective(ctx, params, rows)
	if err != nil {
		return nil, err
	}
	return &solution{
		layers: []affine{p.unpad(params, p.K)}, objective: f, gradientNorm: norm, iterations: 1, converged: true,
	}, nil
}

// ridgeSums returns C times the sums of x x^T (width x width) and x t^T (rows x width) over the rows, weighted by
// class. On a path they are computed once.
func (p *problem) ridgeSums(ctx context.Context, rows int) ([]float64, error) {
	if p.path != nil && p.path.ridge != nil {
		sum := slices.Clone(p.path.ridge)
		floats.Scale(p.C, sum)
		return sum, nil
	}
	w := p.Width
	sum := make([]float64, (w+rows)*w)
	err := p.NewSums(len(sum)).Add(ctx, sum, func(acc []float64, b *scaled.Block) {
		curved, target := make([]float64, b.N*w), make([]float64, b.N*rows)
		for i := range b.N {
			label := p.Y[b.Lo+i]
			weight := p.Weight[label] / p.C
			floats.AddScaled(curved[i*w:(i+1)*w], weight, b.X[i*w:(i+1)*w])
			for c := range p.K {
				target[i*rows+c] = -weight
			}
			target[i*rows+label] = weight
		}
		dense.AddGram(acc[:w*w], curved, b.X, b.N, w)
		dense.AddTransMul(acc[w*w:], target, b.X, b.N, rows, w)
	})
	if p.path != nil {
		p.path.ridge = slices.Clone(sum)
	}
	floats.Scale(p.C, sum)
	return sum, err
}

// ridgeObjective returns the value and the norm of the gradient at params.
func (p *problem) ridgeObjective(ctx context.Context, params []float64, rows int) (f, norm float64, err error) {
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
