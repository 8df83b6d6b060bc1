// Package mlp trains multi-layer perceptrons on features by Adam in single precision, with BatchNorm, ReLU and dropout.
package mlp

import (
	"context"
	"math"
	"math/rand/v2"

	"github.com/wiseft/wiseft/probe/fit/internal/scaled"
)

// Constants of the training, as published for the heads of Point-MAE and similar models.
const (
	batch       = 64
	firstRate   = 1e-3 // of Adam at the start; it follows a cosine to 0
	momentum    = 0.1  // of BatchNorm's running statistics, as PyTorch's default
	epsilon     = 1e-5 // of BatchNorm
	adamBeta1   = 0.9
	adamBeta2   = 0.999
	adamEpsilon = 1e-8
	warmRows    = 4096 // rows from which a warm start computes its statistics
	seedSalt    = 0x6d6c70
)

// Options sets which network is trained, and for how long.
type Options struct {
	Hidden  []int   // sizes of the hidden layers
	Dropout float64 // in [0, 1)
	Epochs  int     // passes over the rows
	Seed    uint64
	Start   []Layer // layers of the same sizes where training starts; nil = drawn from Seed
}

// Layer is an affine map W x + b. In a network, ReLU follows all layers but the last.
type Layer struct {
	W []float64 // outputs x inputs, row-major
	B []float64 // in the last layer of a start: -Inf for a class that the start does not have
}

// Trained is a network after training.
type Trained struct {
	Layers    []Layer // on scaled features, BatchNorm folded in
	Objective float64 // C * sum(log loss) of these layers + 0.5 * ||W||^2 of those before folding
}

// Train trains a network on p. It returns ctx's error soon after ctx ends.
func Train(ctx context.Context, p *scaled.Problem, opt Options) (*Trained, error) {
	r := rand.New(rand.NewPCG(opt.Seed, seedSalt))
	net := newNetwork(p, opt, r)
	if err := net.warmStart(opt.Start); err != nil {
		return nil, err
	}
	steps := scaled.CeilDiv(p.N, batch)
	for step := range opt.Epochs * steps {
		if step%steps == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			net.order = r.Perm(p.N)
		}
		// A last batch of one row, too short for statistics, is joined to the one before.
		lo := step % steps * batch
		hi := min(lo+batch, p.N)
		if p.N-hi == 1 {
			hi = p.N
		}
		if hi-lo < 2 {
			continue
		}
		rate := firstRate * 0.5 * (1 + math.Cos(math.Pi*float64(step)/float64(opt.Epochs*steps)))
		if err := net.step(net.order[lo:hi], rate); err != nil {
			return nil, err
		}
	}
	m := &Trained{Layers: net.fold()}
	var err error
	m.Objective, err = net.objective(ctx, m.Layers)
	return m, err
}
