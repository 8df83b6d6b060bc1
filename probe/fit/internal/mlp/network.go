package mlp

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/wiseft/wiseft/probe/fit/internal/dense"
	"github.com/wiseft/wiseft/probe/fit/internal/scaled"
	"github.com/wiseft/wiseft/probe/fit/internal/softmax"
)

// network is a multi-layer perceptron in training, in single precision as in other implementations. Matrices are padded
// for package dense, and their buffers are reused. Workers share tiles of the results, so that their number changes no
// bit.
type network struct {
	p       *scaled.Problem
	scaling *scaled.Single
	loss    softmax.Loss // divided by C
	dropout float32
	r       *rand.Rand
	layers  []*layer
	order   []int
	labels  []int
	steps   int // made by Adam
}

// layer is one layer: linear; BatchNorm, ReLU and dropout follow in all but the last.
type layer struct {
	in, out, rows, width int
	workers              int
	last                 bool
	w                    parameter // rows x width
	gamma, beta          parameter // of BatchNorm; beta is the intercept of the last layer
	mean, variance       []float32 // BatchNorm's running statistics

	// Of the current batch:
	h                    []float32 // inputs, m x width
	z                    []float32 // scores; normalised, except in the last layer; m x rows
	grad                 []float32 // of the loss with respect to z, m x rows
	batchMean, deviation []float32
	mask                 []float32 // relu and dropout, m x rows
	transposed, below    []float32 // buffers of inputGradient
}

// newNetwork draws weights uniformly from +-1/sqrt(inputs), as PyTorch does.
func newNetwork(p *scaled.Problem, opt Options, r *rand.Rand) *network {
	n := &network{p: p, scaling: p.Single(), dropout: float32(opt.Dropout), r: r}
	for _, w := range p.Weight {
		n.loss.Weight = append(n.loss.Weight, w/p.C)
	}
	in, width := p.D, p.Width
	for i, out := range append(slices.Clone(opt.Hidden), p.K) {
		l := &layer{in: in, out: out, rows: dense.PadRows(out), width: width, workers: p.Workers, last: i == len(opt.Hidden)}
		l.w, l.gamma, l.beta = newParameter(l.rows*width), newParameter(l.rows), newParameter(l.rows)
		l.mean, l.variance = make([]float32, l.rows), make([]float32, l.rows)
		l.batchMean, l.deviation = make([]float32, l.rows), make([]float32, l.rows)
		for c := range out {
			for j := range in {
				l.w.value[c*width+j] = float32((2*r.Float64() - 1) / math.Sqrt(float64(in)))
			}
			l.gamma.value[c], l.variance[c] = 1, 1
		}
		n.layers = append(n.layers, l)
		in, width = out, dense.PadCols(out)
	}
	return n
}

// load sets the inputs of the first layer to rows of the table, padded, without the constant feature.
func (n *network) load(at []int) error {
	first := n.layers[0]
	first.h = scaled.Resized(first.h, dense.PadRows(len(at))*first.width)
	for i, row := range at {
		x, err := n.p.Table.Rows(nil, row, row+1)
		if err != nil {
			return err
		}
		n.scaling.Scale(first.h[i*first.width:(i+1)*first.width], x, 0)
	}
	clear(first.h[len(at)*first.width:])
	return nil
}

// step makes one step of Adam on the rows at.
func (n *network) step(at []int, rate float64) error {
	if err := n.load(at); err != nil {
		return err
	}
	n.gradient(at)
	n.steps++
	adam := newAdam(rate, n.steps)
	for _, l := range n.layers {
		adam.Penalty = float32(1 / (n.p.C * float64(n.p.N)))
		l.w.step(l.workers, adam)
		adam.Penalty = 0
		l.gamma.step(l.workers, adam)
		l.beta.step(l.workers, adam)
	}
	return nil
}

// gradient adds the gradients of the mean loss over the rows at, which are loaded, to those of all parameters, and
// returns the sum of the losses.
func (n *network) gradient(at []int) (loss float64) {
	m := len(at)
	for i, l := range n.layers {
		var next []float32
		if !l.last {
			above := n.layers[i+1]
			above.h = scaled.Resized(above.h, dense.PadRows(m)*above.width)
			next = above.h
		}
		l.forward(next, m, n.r, n.dropout)
	}
	last := n.layers[len(n.layers)-1]
	last.grad = append(last.grad[:0], last.z...)
	n.labels = n.labels[:0]
	for _, row := range at {
		n.labels = append(n.labels, n.p.Y[row])
	}
	loss = n.loss.ResidualsSingle(last.grad, last.rows, last.out, n.labels)
	dense.ScaleSingle(last.grad, 1/float32(m), 0)
	for i, l := range slices.Backward(n.layers) {
		l.backward(m)
		if i > 0 {
			below := n.layers[i-1]
			below.grad = scaled.Resized(below.grad, dense.PadRows(m)*below.rows)
			l.inputGradient(below.grad, below.rows, m)
		}
	}
	return loss
}

// taskWork is the number of multiplications from which a task of its own pays: some 20 microseconds.
const taskWork = 1 << 21

// share divides rows, a multiple of dense.RowTile, with work multiplications each into tasks.
func (l *layer) share(rows, work int, task func(lo, hi int)) {
	size := dense.PadRows(max(dense.RowTile, scaled.CeilDiv(taskWork, work)))
	scaled.Parallel(l.workers, scaled.CeilDiv(rows, size), func(i int) { task(i*size, min((i+1)*size, rows)) })
}

// scores sets z to the affine map of h without the intercept.
func (l *layer) scores(m int) {
	padded := dense.PadRows(m)
	l.z = scaled.Resized(l.z, padded*l.rows)
	l.share(padded, l.rows*l.width, func(lo, hi int) {
		dense.MulTransSingle(l.z[lo*l.rows:hi*l.rows], l.h[lo*l.width:hi*l.width], l.w.value, hi-lo, l.rows, l.width)
	})
}

// forward computes z and next, the inputs of the next layer, which the last layer does not have.
func (l *layer) forward(next []float32, m int, r *rand.Rand, dropout float32) {
	l.scores(m)
	if l.last {
		for i := range m {
			for c, b := range l.beta.value {
				l.z[i*l.rows+c] += b
			}
		}
		return
	}
	l.normalize(m)
	width, keep := dense.PadCols(l.out), 1/(1-dropout)
	l.mask = scaled.Resized(l.mask, dense.PadRows(m)*l.rows)
	clear(next)
	for i := range m {
		z, mask := l.z[i*l.rows:i*l.rows+l.out], l.mask[i*l.rows:i*l.rows+l.out]
		out := next[i*width : i*width+l.out]
		for c, v := range z {
			// Without a branch, which would be mispredicted for half of the values.
			bits := math.Float32bits(l.gamma.value[c]*v + l.beta.value[c])
			negative := uint32(int32(bits) >> 31)
			mask[c] = math.Float32frombits(math.Float32bits(keep) &^ negative)
			out[c] = math.Float32frombits(bits&^negative) * keep
		}
		if dropout > 0 {
			drop(out, mask, r, dropout)
		}
		clear(l.mask[i*l.rows+l.out : (i+1)*l.rows])
	}
}

// drop sets values and their factors in the gradient to 0 with the probability dropout.
func drop(out, mask []float32, r *rand.Rand, dropout float32) {
	for c := range out {
		if r.Float32() < dropout {
			out[c], mask[c] = 0, 0
		}
	}
}

// backward takes the gradient with respect to the layer's outputs from grad, adds to the gradients of the parameters,
// and turns grad into the gradient with respect to the outputs of the affine map.
func (l *layer) backward(m int) {
	for i := range m {
		row := l.grad[i*l.rows : (i+1)*l.rows]
		if !l.last {
			mask, z := l.mask[i*l.rows:(i+1)*l.rows], l.z[i*l.rows:(i+1)*l.rows]
			for c, g := range row {
				row[c] = g * mask[c]
				l.gamma.grad[c] += row[c] * z[c]
			}
		}
		for c, g := range row {
			l.beta.grad[c] += g
		}
	}
	if !l.last {
		l.backwardNorm(m)
	}
	l.share(l.rows, m*l.width, func(lo, hi int) {
		dense.AddTransMulRowsSingle(l.w.grad, l.grad, l.h, m, l.rows, l.width, lo, hi)
	})
}

// inputGradient sets dst (m x rows) to the gradient with respect to the layer's inputs. backward must have been called.
func (l *layer) inputGradient(dst []float32, rows, m int) {
	padded := dense.PadRows(m)
	l.transposed = scaled.Resized(l.transposed, l.rows*padded)
	l.below = scaled.Resized(l.below, padded*l.width)
	clear(l.transposed)
	clear(l.below)
	for i := range m {
		for c := range l.out {
			l.transposed[c*padded+i] = l.grad[i*l.rows+c]
		}
	}
	dense.AddTransMulSingle(l.below, l.transposed, l.w.value, l.rows, padded, l.width)
	for i := range m {
		copy(dst[i*rows:i*rows+l.in], l.below[i*l.width:])
		clear(dst[i*rows+l.in : (i+1)*rows])
	}
}
