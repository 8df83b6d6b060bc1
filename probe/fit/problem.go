package fit

import (
	"context"
	"slices"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/fit/internal/scaled"
	"gonum.org/v1/gonum/floats"
)

// problem is the input of a solver.
type problem struct {
	*scaled.Problem
	opt   Options
	init  *Classifier // nil = none; for the same features and classes
	trail *trail      // state of the fits with smaller C on a path; nil = not on a path
	seen  []int       // the class of every label 0 to k-1
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

// fold turns a solution into a classifier of unscaled features and all classes.
func (p *problem) fold(sol *solution, classes []string) *Classifier {
	cl := &Classifier{Dim: p.D, Classes: classes, Neighbors: sol.neighbors}
	for i, a := range sol.layers {
		w, b := a.w, slices.Clone(a.b)
		if i == 0 {
			w = p.unscale(w, b)
		}
		cl.Layers = append(cl.Layers, Layer{W: round32(w), B: round32(b), Act: a.act})
	}
	if len(cl.Layers) > 0 {
		last := &cl.Layers[len(cl.Layers)-1]
		*last = spread(*last, p.seen, len(classes))
	}
	return cl
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
	cl.Mean = round32(p.Mean)
	return nil
}

// unscale returns weights of unscaled features for those of scaled ones, and changes the intercepts b to match.
func (p *problem) unscale(w, b []float64) []float64 {
	w = slices.Clone(w)
	for c := range b {
		row := w[c*p.D : (c+1)*p.D]
		floats.Mul(row, p.Scale)
		b[c] -= floats.Dot(row, p.Mean)
	}
	return w
}

// spread gives every class an output: those without samples one that never has the highest score.
func spread(l Layer, seen []int, classes int) Layer {
	in := len(l.W) / len(l.B)
	out := Layer{W: make([]float32, classes*in), B: make([]float32, classes), Act: l.Act}
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
	if w := p.trail.extrapolate(p.C); w != nil {
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
		b := float64(from.B[c])
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

func round32(x []float64) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(v)
	}
	return out
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
