package mlp

import (
	"context"
	"math"
	"slices"

	"github.com/wiseft/wiseft/probe/fit/internal/dense"
	"github.com/wiseft/wiseft/probe/fit/internal/scaled"
	"github.com/wiseft/wiseft/probe/fit/internal/softmax"
)

// fold returns the network as affine layers, with BatchNorm folded in.
func (n *network) fold() []Layer {
	var layers []Layer
	for _, l := range n.layers {
		a := Layer{W: make([]float64, l.out*l.in), B: make([]float64, l.out)}
		for c := range l.out {
			scale, shift := 1.0, 0.0
			if !l.last {
				scale = float64(l.gamma.value[c]) / math.Sqrt(float64(l.variance[c])+epsilon)
				shift = float64(l.mean[c])
			}
			a.B[c] = float64(l.beta.value[c]) - scale*shift
			for j, w := range l.w.value[c*l.width : c*l.width+l.in] {
				a.W[c*l.in+j] = scale * float64(w)
			}
		}
		layers = append(layers, a)
	}
	return layers
}

// objective returns C * sum(log loss) of the folded layers + 0.5 * ||W||^2 of the weights in training, whose penalty it
// is.
func (n *network) objective(ctx context.Context, layers []Layer) (float64, error) {
	padded := make([][]float64, len(layers)) // with the intercept as the factor of a constant 1
	width := n.p.Width
	for i, l := range n.layers {
		padded[i] = make([]float64, l.rows*width)
		for c, b := range layers[i].B {
			copy(padded[i][c*width:], layers[i].W[c*l.in:(c+1)*l.in])
			padded[i][c*width+l.in] = b
		}
		width = dense.PadCols(l.out + 1)
	}
	sum, loss := make([]float64, 1), softmax.Loss{Weight: n.p.Weight}
	err := n.p.NewSums(1).Add(ctx, sum, func(acc []float64, b *scaled.Block) {
		x, width := b.X, n.p.Width
		for i, l := range n.layers {
			z := make([]float64, b.Padded*l.rows)
			dense.MulTrans(z, x, padded[i], b.Padded, l.rows, width)
			if l.last {
				for r := range b.N {
					acc[0] += loss.Residual(z[r*l.rows:r*l.rows+l.out], n.p.Y[b.Lo+r])
				}
				return
			}
			width = dense.PadCols(l.out + 1)
			x = make([]float64, b.Padded*width)
			for r := range b.N {
				for c, v := range z[r*l.rows : r*l.rows+l.out] {
					x[r*width+c] = max(0, v)
				}
				x[r*width+l.out] = 1
			}
		}
	})
	f := sum[0]
	for _, l := range n.layers {
		for _, w := range l.w.value {
			f += 0.5 * float64(w) * float64(w)
		}
	}
	return f, err
}

// warmStart sets the layers to those of start, if it is not nil. gamma and beta are set so that BatchNorm changes
// nothing on the first rows.
func (n *network) warmStart(start []Layer) error {
	if start == nil {
		return nil
	}
	at := n.r.Perm(n.p.N)[:min(n.p.N, warmRows)]
	if err := n.load(at); err != nil {
		return err
	}
	for i, l := range n.layers {
		if i == 0 {
			start[0] = scaleLayer(n.p, start[0])
		}
		l.take(start[i])
		if !l.last {
			l.match(n.layers[i+1], len(at))
		}
	}
	return nil
}

// scaleLayer returns l, a layer of unscaled features, as a layer of scaled ones.
func scaleLayer(p *scaled.Problem, l Layer) Layer {
	out := Layer{W: slices.Clone(l.W), B: slices.Clone(l.B)}
	for c := range l.B {
		row := out.W[c*p.D : (c+1)*p.D]
		for j, w := range row {
			out.B[c] += w * p.Mean[j]
			row[j] = w / p.Scale[j]
		}
	}
	return out
}

// take copies the weights of a layer, except for classes that it does not have.
func (l *layer) take(from Layer) {
	for c, b := range from.B {
		if math.IsInf(b, -1) {
			continue
		}
		l.beta.value[c] = float32(b)
		for j, w := range from.W[c*l.in : (c+1)*l.in] {
			l.w.value[c*l.width+j] = float32(w)
		}
	}
}

// match sets BatchNorm so that it changes nothing on the rows that are loaded, and loads the inputs of the next layer.
func (l *layer) match(above *layer, m int) {
	l.scores(m)
	l.moments(m)
	above.h = scaled.Resized(above.h, dense.PadRows(m)*above.width)
	clear(above.h)
	for c := range l.out {
		bias := l.beta.value[c]
		l.mean[c], l.variance[c] = l.batchMean[c], l.deviation[c]
		l.gamma.value[c] = deviationOf(l.variance[c])
		l.beta.value[c] = bias + l.mean[c]
		for i := range m {
			above.h[i*above.width+c] = max(0, l.z[i*l.rows+c]+bias)
		}
	}
}
