package fit

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/numeric"
	"github.com/wiseft/wiseft/probe/fit/internal/mlp"
	"github.com/wiseft/wiseft/probe/internal/npz"
)

func init() {
	register(Solver{
		Name:  "mlp",
		Doc:   "hidden layers with BatchNorm, ReLU and dropout; Adam, seeded: mean log loss + ||W||^2 / (2 C n)",
		Start: "layers of the same sizes, at which training starts", Epochs: true,
		fit: fitMLP,
	})
}

// fitMLP trains a classifier with hidden layers by Adam (Kingma and Ba, 2015) on batches of 64 rows in an order drawn
// from Seed:
//
//	h = dropout(relu(batchnorm(W h))), scores = W h + b.
//
// It passes over the rows Epochs times. It does not run to an optimum: the gradient norm is reported as 0, and the
// objective is C * sum(log loss) of the stored network, with BatchNorm's running statistics folded in, + 0.5 * ||W||^2
// of the weights in training. Training is in single precision; sums are made in a fixed order. Init must have the same
// layers.
func fitMLP(ctx context.Context, p *problem) (*solution, error) {
	opt := mlp.Options{Hidden: p.opt.Hidden, Dropout: p.opt.Dropout, Epochs: cmp.Or(p.opt.Epochs, DefaultEpochs),
		Seed: p.opt.Seed}
	if opt.Hidden == nil {
		opt.Hidden = []int{DefaultWidth}
	}
	if at := npz.FirstNonFinite(numeric.Round32(p.Scale)); at >= 0 {
		return nil, p.tooSmall(at)
	}
	var err error
	if opt.Start, err = p.startMLP(opt.Hidden); err != nil {
		return nil, err
	}
	net, err := mlp.Train(ctx, p.Problem, opt)
	if err != nil {
		return nil, err
	}
	s := &solution{objective: net.Objective, iterations: opt.Epochs, converged: true}
	for i, l := range net.Layers {
		a := affine{w: l.W, b: l.B}
		if i < len(net.Layers)-1 {
			a.act = ReLU
		}
		s.layers = append(s.layers, a)
	}
	return s, nil
}

// startMLP returns the layers of the initial classifier, which must have the sizes of the network; nil if there is
// none.
func (p *problem) startMLP(hidden []int) ([]mlp.Layer, error) {
	if p.init == nil {
		return nil, nil
	}
	from := p.init.Layers
	if len(from) != len(hidden)+1 {
		return nil, fault.Inputf("initial classifier: has %d layers, the mlp %d", len(from), len(hidden)+1)
	}
	var start []mlp.Layer
	for i, out := range hidden {
		if len(from[i].B) != out || from[i].Act != ReLU {
			return nil, fault.Inputf("initial classifier: layer %d has %d outputs and the activation %q, the mlp %d and %q",
				i, len(from[i].B), from[i].Act, out, ReLU)
		}
		start = append(start, mlp.Layer{W: numeric.Widen64(from[i].W), B: slices.Clone(from[i].B)})
	}
	last, in := from[len(hidden)], from[len(hidden)].Inputs()
	var l mlp.Layer
	for _, c := range p.seen {
		b := last.B[c]
		if last.B[c] == UnseenBias {
			b = math.Inf(-1)
		}
		l.W, l.B = append(l.W, numeric.Widen64(last.W[c*in:(c+1)*in])...), append(l.B, b)
	}
	return append(start, l), nil
}
