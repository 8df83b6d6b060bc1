package probe

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/floats"
)

// Sizes of the pieces that are computed independently. On the machine they were
// measured on (4,000 x 1,024 features), tiles of 256 columns and 32 classes keep the
// gradient's inner loop at 8 to 9 GFLOP/s per core: 128 columns lose a quarter, 512
// gain a tenth but leave too few tiles to share.
const (
	rowsPerTask    = 64
	columnsPerTile = 256
	outputsPerTile = 32
)

// softmaxLoss is the objective of multinomial logistic regression,
//
//	f(W, b) = C * sum_i -log softmax(W x_i + b)[y_i] + 0.5 * ||W||^2,
//
// which is scikit-learn's. Each sum runs in an order that depends on the sizes alone.
type softmaxLoss struct {
	x       []float64 // n x d
	y       []int     // classes from 0 to k-1
	n, d, k int
	c       float64
	workers int

	residual []float64 // n x k: probabilities minus one-hot labels of the last eval
	loss     []float64 // per row
}

func newSoftmaxLoss(t *training) *softmaxLoss {
	return &softmaxLoss{
		x: t.x, y: t.y, n: t.n, d: t.d, k: t.k, c: t.c, workers: t.workers,
		residual: make([]float64, t.n*t.k),
		loss:     make([]float64, t.n),
	}
}

// eval returns f and sets gradW (k x d) and gradB to its gradient.
func (l *softmaxLoss) eval(gradW, gradB, w, b []float64) float64 {
	parallel(l.workers, ceilDiv(l.n, rowsPerTask), func(task int) {
		for i := task * rowsPerTask; i < min((task+1)*rowsPerTask, l.n); i++ {
			l.evalRow(i, w, b)
		}
	})
	outerSum(gradW, l.residual, l.k, l.x, l.d, l.workers)
	for i, v := range w {
		gradW[i] = l.c*gradW[i] + v
	}
	clear(gradB)
	for i := range l.n {
		floats.Add(gradB, l.residual[i*l.k:(i+1)*l.k])
	}
	floats.Scale(l.c, gradB)
	return l.c*floats.Sum(l.loss) + 0.5*floats.Dot(w, w)
}

func (l *softmaxLoss) evalRow(i int, w, b []float64) {
	blas := blas64.Implementation()
	row := l.residual[i*l.k : (i+1)*l.k]
	x := l.x[i*l.d : (i+1)*l.d]
	for c := range row {
		row[c] = b[c] + blas.Ddot(l.d, x, 1, w[c*l.d:], 1)
	}
	label, top, sum := row[l.y[i]], slices.Max(row), 0.0
	for c, s := range row {
		row[c] = math.Exp(s - top)
		sum += row[c]
	}
	floats.Scale(1/sum, row)
	row[l.y[i]]--
	l.loss[i] = math.Log(sum) + top - label
}

// classCurvature sets dst[c] to C * sum_i p_ic (1 - p_ic) at the last eval: the Hessian's
// entry of the intercept of class c.
func (l *softmaxLoss) classCurvature(dst []float64) {
	clear(dst)
	for i := range l.n {
		for c, p := range l.residual[i*l.k : (i+1)*l.k] {
			if c == l.y[i] {
				p++
			}
			dst[c] += max(p*(1-p), 0) // rounding may leave p above 1
		}
	}
	floats.Scale(l.c, dst)
}

// rowCurvature sets dst[i] to the mean over classes of p(1-p) at the last eval, the scale
// of row i's contribution to the Hessian.
func (l *softmaxLoss) rowCurvature(dst []float64) {
	for i := range dst {
		sum := 0.0
		for c, p := range l.residual[i*l.k : (i+1)*l.k] {
			if c == l.y[i] {
				p++
			}
			sum += max(p*(1-p), 0)
		}
		dst[i] = sum / float64(l.k)
	}
}

// outerSum sets dst (k x d) to sum_i p_i x_i^T over the rows of p (n x k) and x
// (n x d). Every element is summed over the rows in their order.
func outerSum(dst, p []float64, k int, x []float64, d, workers int) {
	clear(dst)
	across := ceilDiv(d, columnsPerTile)
	parallel(workers, across*ceilDiv(k, outputsPerTile), func(task int) {
		c0, j0 := task/across*outputsPerTile, task%across*columnsPerTile
		outerTile(dst, p, x, k, d, c0, j0)
	})
}

func outerTile(dst, p, x []float64, k, d, c0, j0 int) {
	blas := blas64.Implementation()
	c1, width := min(c0+outputsPerTile, k), min(columnsPerTile, d-j0)
	for lo, plo := j0, 0; plo < len(p); lo, plo = lo+d, plo+k {
		for c := c0; c < c1; c++ {
			blas.Daxpy(width, p[plo+c], x[lo:], 1, dst[c*d+j0:], 1)
		}
	}
}
