package fit

import (
	"context"
	"slices"

	"github.com/wiseft/wiseft/internal/fault"
	"gonum.org/v1/gonum/floats"
)

// problem is what a solver gets: rows as it wants to see them, and labels without gaps.
type problem struct {
	*view
	y []int // 0 to k-1, each at least once
	k int
	// weight is the factor of the loss of each class, C included.
	weight  []float64
	c, tol  float64
	maxIter int
	opt     Options

	init  *Classifier // nil = none; for the same features and classes
	trail *trail      // of the fits before on a path; nil = none
	seen  []int       // the class of every label 0 to k-1
}

// solution is what a solver finds, for features as its view shows them.
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

// fold makes a classifier of plain features and all classes from a solution.
func (p *problem) fold(sol *solution, classes []string) *Classifier {
	cl := &Classifier{Dim: p.d, Classes: classes, Neighbors: sol.neighbors}
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

// addMean gives a classifier of layers the mean of the features. It must be folded already.
func (p *problem) addMean(ctx context.Context, cl *Classifier) error {
	if len(cl.Layers) == 0 {
		return nil
	}
	if err := p.center(ctx); err != nil {
		return err
	}
	cl.Mean = round32(p.mean)
	return nil
}

// unscale returns weights of plain features for those of scaled ones, and changes b to
// match.
func (p *problem) unscale(w, b []float64) []float64 {
	w = slices.Clone(w)
	for c := range b {
		row := w[c*p.d : (c+1)*p.d]
		floats.Mul(row, p.scale)
		b[c] -= floats.Dot(row, p.mean)
	}
	return w
}

// spread gives every class an output: those that were not seen one that never wins.
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

// checkLinearStart refuses to start a linear classifier from another kind.
func (p *problem) checkLinearStart() error {
	if p.init != nil && !p.init.Linear() {
		return fault.Inputf("initial classifier: is of the solver %s, want one linear layer", p.init.Meta.Solver)
	}
	return nil
}

// start returns the parameters of a linear classifier on scaled features, padded, row c
// being the weights of class c and its intercept; zero where there is no start.
func (p *problem) start(rows int) []float64 {
	if w := p.trail.extrapolate(p.c); w != nil {
		return w
	}
	w := make([]float64, rows*p.width)
	if p.init == nil {
		return w
	}
	from := p.init.Layers[0]
	for i, c := range p.seen {
		if p.init.Unseen(c) {
			continue
		}
		row := w[i*p.width : (i+1)*p.width]
		b := float64(from.B[c])
		for j, v := range from.W[c*p.d : (c+1)*p.d] {
			b += float64(v) * p.mean[j]
			row[j] = float64(v) / p.scale[j]
		}
		row[p.d] = b
	}
	return w
}

// unpad returns weights and intercepts of padded parameters.
func (p *problem) unpad(params []float64, rows int) affine {
	a := affine{w: make([]float64, 0, rows*p.d), b: make([]float64, rows)}
	for c := range a.b {
		row := params[c*p.width : (c+1)*p.width]
		a.w = append(a.w, row[:p.d]...)
		a.b[c] = row[p.d]
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

// setC changes C.
func (p *problem) setC(c float64) {
	p.c = c
	p.weight = p.classWeights()
}

// classWeights returns C times the weight of every seen class: those that were asked
// for, or n / (k n_c), scikit-learn's balanced ones.
func (p *problem) classWeights() []float64 {
	weight, count := make([]float64, p.k), make([]float64, p.k)
	for _, label := range p.y {
		count[label]++
	}
	for c := range weight {
		weight[c] = p.c
		if p.opt.Balanced {
			weight[c] *= float64(p.n) / (float64(p.k) * count[c])
		}
		if p.opt.ClassWeights != nil {
			weight[c] *= p.opt.ClassWeights[p.seen[c]]
		}
	}
	return weight
}
