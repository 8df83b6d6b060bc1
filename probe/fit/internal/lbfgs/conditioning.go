package lbfgs

import (
	"context"

	"github.com/wiseft/wiseft/probe/fit/internal/dense"
	"github.com/wiseft/wiseft/probe/fit/internal/scaled"
	"gonum.org/v1/gonum/floats"
)

// A full preconditioner pays only where features are ill-conditioned. On isotropic ones L-BFGS with a diagonal takes
// fewer iterations, since it keeps its history, and computes no inverse. What is well-conditioned is decided by
// conjugate gradients, with the diagonal, on the Hessian that the features have at w = 0: isotropic, sparse and
// imbalanced ones take 5 to 7 steps, few rows 12 to 15, heavy tails 18 to 20, and with the diagonal they are fitted
// faster; a spectrum j^-1.4 takes 33 steps and more, features of a PointNet and a transformer more than 40.
const (
	fewSteps     = 24   // of conjugate gradients, on well-conditioned features
	fewStepsGoal = 1e-2 // relative residual
	// maxSampled bounds the features in memory: 16 MiB.
	maxSampled = 4 << 20
)

// sample is the Hessian of one class at w = 0, from a part of the rows: sum_i h_i x_i x_i^T + penalty.
type sample struct {
	n, width int
	x        []float32 // n x width, n padded
	h        []float32 // n
	diag     []float64
	in, out  []float32 // dense.RowTile x width: buffers of times
	scores   []float32 // n x dense.RowTile
}

// illConditioned reports whether conjugate gradients take more than fewSteps steps with the gradients of the first
// classes as right sides.
func (s *sample) illConditioned(grad []float64) bool {
	return s.steps(grad[:dense.RowTile*s.width], fewSteps+1) > fewSteps
}

// sample loads every stride-th block of rows.
func (d *Descent) sample(ctx context.Context) (*sample, error) {
	stride := max(1, d.N/(gramRowsPerDim*d.Width), scaled.CeilDiv(d.N*d.Width, maxSampled))
	s := &sample{width: d.Width}
	var b scaled.SingleBlock
	sums := d.NewSingleSums(1, 0)
	for lo := 0; lo < d.N; lo += stride * scaled.BlockRows {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := sums.Load(&b, lo); err != nil {
			return nil, err
		}
		s.x = append(s.x, b.X[:b.Padded*d.Width]...)
		for i := range b.Padded {
			h := 0.0
			if i < b.N {
				h = d.Weight[d.Y[lo+i]] * float64(d.K-1) / float64(d.K*d.K)
			}
			s.h = append(s.h, float32(h*float64(stride)))
		}
	}
	s.n = len(s.h)
	s.diag = make([]float64, d.Width)
	for i, v := range s.x {
		s.diag[i%d.Width] += float64(s.h[i/d.Width]) * float64(v) * float64(v)
	}
	floats.AddConst(1, s.diag)
	s.diag[d.D] += d.penalty - 1
	s.in, s.out = make([]float32, dense.RowTile*d.Width), make([]float32, dense.RowTile*d.Width)
	s.scores = make([]float32, s.n*dense.RowTile)
	return s, nil
}

// times sets dst to the Hessian times each row of v (dense.RowTile x width).
func (s *sample) times(dst, v []float64) {
	for i, x := range v {
		s.in[i] = float32(x)
	}
	clear(s.out)
	dense.MulTransSingle(s.scores, s.x, s.in, s.n, dense.RowTile, s.width)
	for i, h := range s.h {
		for c := range dense.RowTile {
			s.scores[i*dense.RowTile+c] *= h
		}
	}
	dense.AddTransMulSingle(s.out, s.scores, s.x, s.n, dense.RowTile, s.width)
	for i, x := range s.out {
		dst[i] = float64(x) + v[i]
	}
}

// steps returns the number of steps, at most limit, after which the residuals of all right sides in b are at most
// fewStepsGoal of those at 0.
func (s *sample) steps(b []float64, limit int) int {
	w := s.width
	r, p, hp := append([]float64(nil), b...), make([]float64, len(b)), make([]float64, len(b))
	var rz, goal [dense.RowTile]float64
	for c := range goal {
		goal[c] = fewStepsGoal * floats.Norm(r[c*w:(c+1)*w], 2)
	}
	z := make([]float64, w)
	for step := range limit {
		open := false
		for c := range rz {
			row := r[c*w : (c+1)*w]
			open = open || !(floats.Norm(row, 2) <= goal[c]) // or NaN, beyond single precision
			floats.DivTo(z, row, s.diag)
			next := floats.Dot(row, z)
			if rz[c] > 0 {
				floats.Scale(next/rz[c], p[c*w:(c+1)*w])
			}
			floats.Add(p[c*w:(c+1)*w], z)
			rz[c] = next
		}
		if !open {
			return step
		}
		s.times(hp, p)
		for c := range rz {
			at := c * w
			if curve := floats.Dot(p[at:at+w], hp[at:at+w]); curve > 0 {
				floats.AddScaled(r[at:at+w], -rz[c]/curve, hp[at:at+w])
			}
		}
	}
	return limit
}
