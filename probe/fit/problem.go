package fit

import (
	"context"
	"slices"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/numeric"
	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit/internal/scaled"
	"github.com/wiseft/wiseft/probe/internal/npz"
)

// problem is the input of a solver.
type problem struct {
	*scaled.Problem
	opt  Options
	init *Classifier // nil = none; for the same features and classes
	path *pathState  // state of the fits with smaller C on a path; nil = not on a path
	seen []int       // the class of every label 0 to k-1
}

// solution is the output of a solver, for features scaled as in the problem.
type solution struct {
	layers       []affine   // the last one has k outputs
	neighbors    *Neighbors // instead of layers
	objective    float64
	gradientNorm float64
	iterations   int
	converged    bool
}

// affine is a [Layer] in double precision.
type affine struct {
	w   []float64 // out x in, row-major
	b   []float64
	act Activation
}

// fold turns a solution into a classifier of unscaled features and all classes. It is an error of kind Input if a
// weight of an unscaled feature exceeds float32.
func (p *problem) fold(sol *solution, classes []string) (*Classifier, error) {
	cl := &Classifier{Dim: p.D, Classes: classes, Neighbors: sol.neighbors}
	for i, a := range sol.layers {
		if i > 0 {
			cl.Layers = append(cl.Layers, Layer{W: numeric.Round32(a.w), B: slices.Clone(a.b), Act: a.act})
			continue
		}
		l := p.unscale(a)
		if at := npz.FirstNonFinite(l.W); at >= 0 {
			return nil, p.tooSmall(at % p.D)
		}
		cl.Layers = append(cl.Layers, l)
	}
	if len(cl.Layers) > 0 {
		last := &cl.Layers[len(cl.Layers)-1]
		*last = spread(*last, p.seen, len(classes))
	}
	return cl, nil
}

// tooSmall returns the error of a feature whose weight, or whose factor in standardization, exceeds float32.
func (p *problem) tooSmall(feat int) error {
	return fault.Inputf("%s: feature %d varies so little that its weight exceeds float32",
		feature.Name(p.Table), feat).WithHint("multiply the features by a constant, or leave the feature out")
}

// addMean sets the Mean of a classifier with layers. It may change the scaling of p, so that p.fold must be called
// before.
func (p *problem) addMean(ctx context.Context, cl *Classifier) error {
	if len(cl.Layers) == 0 {
		return nil
	}
	if err := p.Center(ctx); err != nil {
		return err
	}
	cl.Mean = numeric.Round32(p.Mean)
	return nil
}

// unscale returns the layer for unscaled features, given that for scaled ones. The intercepts match the weights after
// their rounding: far from 0, what a weight loses times the mean of its feature would be more than the precision that
// the solver reached.
func (p *problem) unscale(a affine) Layer {
	l := Layer{W: make([]float32, len(a.w)), B: slices.Clone(a.b), Act: a.act}
	for c := range l.B {
		for j, m := range p.Mean {
			at := c*p.D + j
			l.W[at] = float32(a.w[at] * p.Scale[j])
			l.B[c] -= float64(l.W[at]) * m
		}
	}
	return l
}

// spread gives every class an output: those without samples one that never has the highest score.
func spread(l Layer, seen []int, classes int) Layer {
	in := len(l.W) / len(l.B)
	out := Layer{W: make([]float32, classes*in), B: make([]float64, classes), Act: l.Act}
	for c := range out.B {
		out.B[c] = UnseenBias
	}
	for i, c := range seen {
		copy(out.W[c*in:(c+1)*in], l.W[i*in:(i+1)*in])
		out.B[c] = l.B[i]
	}
	return out
}

// checkLinearStart returns an error if the initial classifier is not linear.
func (p *problem) checkLinearStart() error {
	if p.init != nil && !p.init.Linear() {
		return fault.Inputf("initial classifier: is of the solver %s, want one linear layer", p.init.Meta.Solver)
	}
	return nil
}

// start returns the parameters where a linear solver starts, for scaled features, padded to rows x width: row c has
// the weights and the intercept of class c. Without a start they are zero.
func (p *problem) start(rows int) []float64 {
	if w := p.path.extrapolate(p.C); w != nil {
		return w
	}
	w := make([]float64, rows*p.Width)
	if p.init == nil {
		return w
	}
	from := p.init.Layers[0]
	for i, c := range p.seen {
		if p.init.Unseen(c) {
			continue
		}
		row := w[i*p.Width : (i+1)*p.Width]
		b := from.B[c]
		for j, v := range from.W[c*p.D : (c+1)*p.D] {
			b += float64(v) * p.Mean[j]
			row[j] = float64(v) / p.Scale[j]
		}
		row[p.D] = b
	}
	return w
}

// unpad returns weights and intercepts of padded parameters.
func (p *problem) unpad(params []float64, rows int) affine {
	a := affine{w: make([]float64, 0, rows*p.D), b: make([]float64, rows)}
	for c := range a.b {
		row := params[c*p.Width : (c+1)*p.Width]
		a.w = append(a.w, row[:p.D]...)
		a.b[c] = row[p.D]
	}
	return a
}

// setC sets C and the class weights, which include it.
func (p *problem) setC(c float64) {
	p.C = c
	p.Weight = p.classWeights()
}

// classWeights returns C times the weight of every class with samples: the given weights, times n / (k n_c) if
// Balanced, as scikit-learn has it.
func (p *problem) classWeights() []float64 {
	weight, count := make([]float64, p.K), make([]float64, p.K)
	for _, label := range p.Y {
		count[label]++
	}
	for c := range weight {
		weight[c] = p.C
		if p.opt.Balanced {
			weight[c] *= float64(p.N) / (float64(p.K) * count[c])
		}
		if p.opt.ClassWeights != nil {
			weight[c] *= p.opt.ClassWeights[p.seen[c]]
		}
	}
	return weight
}
