package fit

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
)

func init() {
	register(Solver{
		Name:  "mlp",
		Doc:   "hidden layers with BatchNorm, ReLU and dropout; Adam, seeded: mean log loss + ||W||^2 / (2 C n)",
		Start: "layers of the same sizes, which training goes on with",
		fit:   fitMLP,
	})
}

// Training of an mlp, as the heads of Point-MAE and its kin are trained, on frozen features.
const (
	mlpBatch    = 64
	mlpRate     = 1e-3 // of Adam at first; a cosine takes it to 0
	mlpMomentum = 0.1  // of BatchNorm's running statistics, as PyTorch's default
	mlpEpsilon  = 1e-5 // of BatchNorm
	adamBeta1   = 0.9
	adamBeta2   = 0.999
	adamEpsilon = 1e-8
	warmRows    = 4096 // that a warm start takes statistics of
	mlpSeedSalt = 0x6d6c70
)

// fitMLP trains a classifier with hidden layers by Adam (Kingma and Ba 2015) on batches
// of 64 in an order drawn from Seed:
//
//	h = dropout(relu(batchnorm(W h))), scores = W h + b.
//
// It takes Epochs passes, and has no optimum that it could reach: the gradient norm is
// reported as 0, the objective is C * sum(log loss) + 0.5 * ||W||^2 of the network as it
// is stored, with BatchNorm's running statistics folded in. Sums run in a fixed order.
// Init must have the same layers.
func fitMLP(ctx context.Context, p *problem) (*solution, error) {
	r := rand.New(rand.NewPCG(p.opt.Seed, mlpSeedSalt))
	net := newNetwork(p, r)
	if err := net.warmStart(); err != nil {
		return nil, err
	}
	epochs, steps := p.opt.Epochs, ceilDiv(p.n, mlpBatch)
	if epochs == 0 {
		epochs = DefaultEpochs
	}
	for step := range epochs * steps {
		if step%steps == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			net.order = r.Perm(p.n)
		}
		// The rest of a batch that is too short for statistics joins the one before.
		lo := step % steps * mlpBatch
		hi := min(lo+mlpBatch, p.n)
		if p.n-hi == 1 {
			hi = p.n
		}
		if hi-lo < 2 {
			continue
		}
		rate := mlpRate * 0.5 * (1 + math.Cos(math.Pi*float64(step)/float64(epochs*steps)))
		if err := net.step(net.order[lo:hi], rate); err != nil {
			return nil, err
		}
	}
	s := &solution{layers: net.fold(), iterations: epochs, converged: true}
	var err error
	s.objective, err = net.objective(s.layers)
	return s, err
}

// objective returns C * sum(log loss) + 0.5 * ||W||^2 of folded layers.
func (n *network) objective(layers []affine) (float64, error) {
	sum := 0.0
	l := softmaxLoss{n.p.weight}
	for lo := 0; lo < n.p.n; lo += blockRows {
		at := make([]int, min(blockRows, n.p.n-lo))
		for i := range at {
			at[i] = lo + i
		}
		h, err := n.rows(at)
		if err != nil {
			return 0, err
		}
		for i := range at {
			x := h[i*n.p.width : i*n.p.width+n.p.d]
			for _, a := range layers {
				x = a.apply(x)
			}
			sum += l.residual(x, n.p.y[lo+i])
		}
	}
	for _, layer := range n.layers {
		for _, w := range layer.w.value {
			sum += 0.5 * w * w
		}
	}
	return sum, nil
}

// apply returns act(w x + b).
func (a affine) apply(x []float64) []float64 {
	out := slices.Clone(a.b)
	for c := range out {
		for j, v := range a.w[c*len(x) : (c+1)*len(x)] {
			out[c] += v * x[j]
		}
	}
	a.act.apply(out)
	return out
}
