package fit

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/fit/internal/dense"
	"gonum.org/v1/gonum/floats"
)

// network is a multi-layer perceptron in training. Matrices are padded as dense wants.
type network struct {
	p      *problem
	r      *rand.Rand
	layers []*trained
	order  []int
	steps  int // of Adam
}

// trained is one layer: linear, and, but for the last, BatchNorm, ReLU and dropout.
type trained struct {
	in, out, rows, width int
	last                 bool
	w                    adam // rows x width
	gamma, beta          adam // of BatchNorm; beta is the intercept of the last layer
	mean, variance       []float64

	// Of the batch in hand:
	h         []float64 // inputs, m x width
	z         []float64 // normalised, m x rows
	deviation []float64
	mask      []float64 // relu and dropout, m x rows
}

// adam is a parameter with its gradient and moments.
type adam struct{ value, grad, first, second []float64 }

func newAdam(n int) adam {
	return adam{make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)}
}

func (a *adam) step(rate float64, t int) {
	c1, c2 := 1-math.Pow(adamBeta1, float64(t)), 1-math.Pow(adamBeta2, float64(t))
	for i, g := range a.grad {
		a.first[i] = adamBeta1*a.first[i] + (1-adamBeta1)*g
		a.second[i] = adamBeta2*a.second[i] + (1-adamBeta2)*g*g
		a.value[i] -= rate * a.first[i] / c1 / (math.Sqrt(a.second[i]/c2) + adamEpsilon)
	}
	clear(a.grad)
}

// newNetwork draws weights from +-1/sqrt(inputs), as PyTorch does.
func newNetwork(p *problem, r *rand.Rand) *network {
	n := &network{p: p, r: r}
	sizes := p.opt.Hidden
	if sizes == nil {
		sizes = []int{DefaultWidth}
	}
	in, width := p.d, p.width
	for i, out := range append(slices.Clone(sizes), p.k) {
		l := &trained{in: in, out: out, rows: dense.PadRows(out), width: width, last: i == len(sizes)}
		l.w, l.gamma, l.beta = newAdam(l.rows*width), newAdam(l.rows), newAdam(l.rows)
		l.mean, l.variance = make([]float64, l.rows), make([]float64, l.rows)
		for c := range out {
			for j := range in {
				l.w.value[c*width+j] = (2*r.Float64() - 1) / math.Sqrt(float64(in))
			}
			l.gamma.value[c], l.variance[c] = 1, 1
		}
		n.layers = append(n.layers, l)
		in, width = out, dense.PadCols(out)
	}
	return n
}

// rows returns rows of the table, padded; the constant feature is left out.
func (n *network) rows(at []int) ([]float64, error) {
	p := n.p
	h := make([]float64, dense.PadRows(len(at))*p.width)
	for i, row := range at {
		x, err := p.table.Rows(nil, row, row+1)
		if err != nil {
			return nil, err
		}
		dense.Center(h[i*p.width:(i+1)*p.width], x, p.mean, p.scale)
	}
	return h, nil
}

// step takes one step of Adam on the rows at.
func (n *network) step(at []int, rate float64) error {
	h, err := n.rows(at)
	if err != nil {
		return err
	}
	m := len(at)
	for _, l := range n.layers {
		h = l.forward(h, m, n.r, n.p.opt.Dropout)
	}
	loss := softmaxLoss{n.p.weight}
	last := n.layers[len(n.layers)-1]
	grad := make([]float64, dense.PadRows(m)*last.rows)
	for i, row := range at {
		out := grad[i*last.rows : i*last.rows+last.out]
		copy(out, h[i*last.rows:])
		loss.residual(out, n.p.y[row])
		floats.Scale(1/(n.p.c*float64(m)), out)
	}
	for i, l := range slices.Backward(n.layers) {
		grad = l.backward(grad, m, i > 0)
	}
	n.steps++
	for _, l := range n.layers {
		floats.AddScaled(l.w.grad, 1/(n.p.c*float64(n.p.n)), l.w.value)
		l.w.step(rate, n.steps)
		l.gamma.step(rate, n.steps)
		l.beta.step(rate, n.steps)
	}
	return nil
}

// forward returns the inputs of the next layer, or the scores (m x rows).
func (l *trained) forward(h []float64, m int, r *rand.Rand, dropout float64) []float64 {
	padded := dense.PadRows(m)
	l.h, l.z = h, make([]float64, padded*l.rows)
	dense.MulTrans(l.z, h, l.w.value, padded, l.rows, l.width)
	if l.last {
		for i := range m {
			floats.Add(l.z[i*l.rows:(i+1)*l.rows], l.beta.value)
		}
		return l.z
	}
	l.normalize(m)
	next := dense.PadCols(l.out)
	out := make([]float64, padded*next)
	l.mask = make([]float64, padded*l.rows)
	for i := range m {
		for c := range l.out {
			v := l.gamma.value[c]*l.z[i*l.rows+c] + l.beta.value[c]
			if v > 0 && r.Float64() >= dropout {
				l.mask[i*l.rows+c] = 1 / (1 - dropout)
				out[i*next+c] = v / (1 - dropout)
			}
		}
	}
	return out
}

// normalize brings z to mean 0 and variance 1 over the batch and moves the running
// statistics (Ioffe and Szegedy, Batch Normalization, 2015).
func (l *trained) normalize(m int) {
	l.deviation = make([]float64, l.rows)
	for c := range l.out {
		mean, variance := l.columnMoments(c, m)
		l.deviation[c] = math.Sqrt(variance + mlpEpsilon)
		for i := range m {
			l.z[i*l.rows+c] = (l.z[i*l.rows+c] - mean) / l.deviation[c]
		}
		unbiased := variance * float64(m) / float64(m-1)
		l.mean[c] += mlpMomentum * (mean - l.mean[c])
		l.variance[c] += mlpMomentum * (unbiased - l.variance[c])
	}
}

func (l *trained) columnMoments(c, m int) (mean, variance float64) {
	for i := range m {
		mean += l.z[i*l.rows+c]
	}
	mean /= float64(m)
	for i := range m {
		variance += (l.z[i*l.rows+c] - mean) * (l.z[i*l.rows+c] - mean)
	}
	return mean, variance / float64(m)
}

// backward takes the gradient of the layer's outputs (m x rows), adds to those of its
// parameters, and returns that of its inputs, if they are wanted, in the rows of the
// layer below.
func (l *trained) backward(grad []float64, m int, wanted bool) []float64 {
	for i := range m {
		row := grad[i*l.rows : (i+1)*l.rows]
		if !l.last {
			floats.Mul(row, l.mask[i*l.rows:(i+1)*l.rows])
			for c, g := range row {
				l.gamma.grad[c] += g * l.z[i*l.rows+c]
			}
		}
		floats.Add(l.beta.grad, row)
	}
	if !l.last {
		l.backwardNorm(grad, m)
	}
	dense.AddTransMul(l.w.grad, grad, l.h, m, l.rows, l.width)
	if !wanted {
		return nil
	}
	padded := dense.PadRows(m)
	transposed, below := make([]float64, l.rows*padded), make([]float64, padded*l.width)
	for i := range m {
		for c := range l.out {
			transposed[c*padded+i] = grad[i*l.rows+c]
		}
	}
	dense.AddTransMul(below, transposed, l.w.value, l.rows, padded, l.width)
	rows := dense.PadRows(l.in)
	out := make([]float64, padded*rows)
	for i := range m {
		copy(out[i*rows:i*rows+l.in], below[i*l.width:])
	}
	return out
}

// backwardNorm turns the gradient of BatchNorm's outputs into that of its inputs.
func (l *trained) backwardNorm(grad []float64, m int) {
	for c := range l.out {
		sum, dot := 0.0, 0.0
		for i := range m {
			sum += grad[i*l.rows+c]
			dot += grad[i*l.rows+c] * l.z[i*l.rows+c]
		}
		scale := l.gamma.value[c] / l.deviation[c]
		for i := range m {
			g := grad[i*l.rows+c] - sum/float64(m) - l.z[i*l.rows+c]*dot/float64(m)
			grad[i*l.rows+c] = scale * g
		}
	}
}

// fold returns the network as affine layers, BatchNorm folded in.
func (n *network) fold() []affine {
	var layers []affine
	for _, l := range n.layers {
		a := affine{w: make([]float64, l.out*l.in), b: make([]float64, l.out)}
		for c := range l.out {
			scale, shift := 1.0, 0.0
			if !l.last {
				a.act = ReLU
				scale = l.gamma.value[c] / math.Sqrt(l.variance[c]+mlpEpsilon)
				shift = l.mean[c]
			}
			a.b[c] = l.beta.value[c] - scale*shift
			floats.AddScaled(a.w[c*l.in:(c+1)*l.in], scale, l.w.value[c*l.width:c*l.width+l.in])
		}
		layers = append(layers, a)
	}
	return layers
}

// warmStart takes the layers of Init, which must have the network's sizes: gamma and beta
// undo what BatchNorm does to the first rows.
func (n *network) warmStart() error {
	init := n.p.init
	if init == nil {
		return nil
	}
	if len(init.Layers) != len(n.layers) {
		return fault.Inputf("initial classifier: has %d layers, the mlp %d", len(init.Layers), len(n.layers))
	}
	for i, l := range n.layers {
		if !l.last && (len(init.Layers[i].B) != l.out || init.Layers[i].Act != ReLU) {
			return fault.Inputf("initial classifier: layer %d has %d outputs and the activation %q, the mlp %d and %q",
				i, len(init.Layers[i].B), init.Layers[i].Act, l.out, ReLU)
		}
	}
	at := n.r.Perm(n.p.n)[:min(n.p.n, warmRows)]
	h, err := n.rows(at)
	if err != nil {
		return err
	}
	for i, l := range n.layers {
		l.take(init.Layers[i], n.p, i == 0)
		if l.last {
			break
		}
		h = l.match(h, len(at))
	}
	return nil
}

// take copies the weights of a layer, which are those of plain features in the first.
func (l *trained) take(from Layer, p *problem, first bool) {
	for c := range l.out {
		source := c
		if l.last {
			source = p.seen[c]
		}
		if from.B[source] == UnseenBias {
			continue
		}
		l.beta.value[c] = float64(from.B[source])
		for j, v := range from.W[source*l.in : (source+1)*l.in] {
			w := float64(v)
			if first {
				l.beta.value[c] += w * p.mean[j]
				w /= p.scale[j]
			}
			l.w.value[c*l.width+j] = w
		}
	}
}

// match sets BatchNorm so that it changes nothing on these rows, and returns the inputs of
// the next layer.
func (l *trained) match(h []float64, m int) []float64 {
	padded, next := dense.PadRows(m), dense.PadCols(l.out)
	l.z = make([]float64, padded*l.rows)
	dense.MulTrans(l.z, h, l.w.value, padded, l.rows, l.width)
	out := make([]float64, padded*next)
	for c := range l.out {
		bias := l.beta.value[c]
		l.mean[c], l.variance[c] = l.columnMoments(c, m)
		l.gamma.value[c] = math.Sqrt(l.variance[c] + mlpEpsilon)
		l.beta.value[c] = bias + l.mean[c]
		for i := range m {
			out[i*next+c] = max(0, l.z[i*l.rows+c]+bias)
		}
	}
	return out
}
