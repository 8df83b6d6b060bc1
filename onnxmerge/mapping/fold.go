package mapping

import (
	"context"
	"math"
	"strings"

	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// epsilons are those that networks use, the most frequent first. A fold with another one is not found.
var epsilons = []float64{1e-5, 1e-3, 1e-6, 1e-4, 1e-2, 1e-8, 1e-12, 2e-5, 1e-7, 0}

// toleranceUlps is the largest difference of a folded weight from its expression, in units in the last place of the
// largest term: exporters fold in float32 with up to four roundings, each of half a unit.
const toleranceUlps = 4

// findNorms returns the BatchNormalizations of a checkpoint: layers with running statistics.
func findNorms(c *checkpoint.Checkpoint) []*Norm {
	var list []*Norm
	for _, t := range c.Tensors {
		prefix, ok := strings.CutSuffix(t.Name, "running_mean")
		if !ok || len(t.Dims) != 1 || t.Len() == 0 || !isSupported(t.DType) {
			continue
		}
		n := &Norm{Mean: t.Name}
		names := []*string{&n.Variance, &n.Gamma, &n.Beta}
		for i, leaf := range []string{"running_var", "weight", "bias"} {
			if x := c.Lookup(prefix + leaf); x != nil && x.Len() == t.Len() && isSupported(x.DType) {
				*names[i] = x.Name
			}
		}
		if n.Variance != "" {
			list = append(list, n)
		}
	}
	return list
}

// findFolded explains the weight of a layer by one with a BatchNormalization or a constant factor folded in, and then
// the bias beside it.
func (f *finder) findFolded(_ context.Context, g *target) error {
	if g.uniform || g.tensor.Len() < minSlice || g.tensor.DType.Bits() < 16 {
		return nil
	}
	if len(withoutOnes(g.tensor.Dims)) < 2 && !f.isLayerWeight(g) {
		return nil
	}
	want, err := read(g.tensor, g.tensor.DType, g.tensor.Dims, g.tensor.DType)
	if err != nil {
		return err
	}
	values := want.numbers()
	for _, t := range f.byLength[g.tensor.Len()] {
		if len(withoutOnes(t.Dims)) != len(withoutOnes(want.dims)) && len(t.Dims) < 2 {
			continue
		}
		from, err := f.read(t, onnx.Float64)
		if err != nil {
			return err
		}
		c := comparison{from: from.numbers(), fromDims: t.Dims, want: values, dims: want.dims, dtype: want.dtype}
		x := &Expression{Op: Tensor, Name: t.Name}
		for _, norm := range f.norms {
			g.candidates = append(g.candidates, f.foldedBy(c, x, norm)...)
		}
		if len(g.candidates) == 0 {
			g.candidates = append(g.candidates, c.scaled(x)...)
		}
	}
	if len(g.candidates) == 0 {
		return nil
	}
	g.proof = "within 4 units in the last place"
	return f.foldBiases(g)
}

// isLayerWeight reports whether a layer reads the target as its weight.
func (f *finder) isLayerWeight(g *target) bool {
	for _, u := range g.uses {
		for _, o := range f.graph.operands(u) {
			if op := o.node.OpType; o.slot == 1 && (op == "Conv" || op == "ConvTranspose" || op == "Gemm" || op == "MatMul") {
				return true
			}
		}
	}
	return false
}

// comparison is a tensor of the checkpoint and one of the model, as numbers.
type comparison struct {
	from     []float64
	fromDims []int64
	want     []float64
	dims     []int64
	dtype    onnx.DType
}

// foldedBy returns the layouts in which the weight, scaled by a norm, is the wanted one.
func (f *finder) foldedBy(c comparison, x *Expression, norm *Norm) []*Expression {
	mean := f.checkpoint.Lookup(norm.Mean)
	var found []*Expression
	for axis, extent := range c.fromDims {
		if extent != mean.Len() || axis > 1 { // output channels are axis 0, of a transposed convolution axis 1
			continue
		}
		for _, eps := range epsilons {
			n := *norm
			n.Epsilon = eps
			e := &Expression{Op: FoldWeight, Args: []*Expression{x}, Axis: axis, Norm: &n}
			v, err := f.values.norm(&n)
			if err != nil {
				continue
			}
			inner := int(length(c.fromDims[axis+1:]))
			list := c.layouts(e, func(i int) float64 { return v.scale[i/inner%len(v.scale)] })
			if len(list) > 0 {
				return append(found, list...)
			}
		}
	}
	return found
}

// scaled returns the layouts in which the weight times one constant is the wanted one. The constant must be one that
// networks have: an integer or its reciprocal, or a root of one.
func (c comparison) scaled(x *Expression) []*Expression {
	a, b := largest(c.from), largest(c.want)
	if a == 0 || b == 0 {
		return nil
	}
	for _, sign := range []float64{1, -1} {
		factor, ok := plainFactor(sign * b / a)
		if !ok || factor == 1 {
			continue
		}
		e := &Expression{Op: Scale, Args: []*Expression{x}, Factor: factor}
		if list := c.layouts(e, func(int) float64 { return factor }); len(list) > 0 {
			return list
		}
	}
	return nil
}

func largest(list []float64) float64 {
	m := 0.0
	for _, v := range list {
		m = max(m, math.Abs(v))
	}
	return m
}

// plainFactor returns the number near v whose square, or its reciprocal, is an integer up to 2^16 or the ratio of two up to
// 64. Near means within 2^-20: v is a quotient of rounded numbers.
func plainFactor(v float64) (float64, bool) {
	square := v * v
	for q := 1.0; q <= 64; q++ {
		for _, s := range []float64{square, 1 / square} {
			p := math.Round(s * q)
			if p < 1 || p > 1<<16 || q > 1 && p > 64 || math.Abs(s*q/p-1) > 1.0/(1<<20) {
				continue
			}
			root := math.Sqrt(p / q)
			if s != square {
				root = 1 / root
			}
			return math.Copysign(root, v), true
		}
	}
	return 0, false
}

// layouts returns the layouts of e, whose element i is that of the checkpoint's tensor times factor(i), that agree.
func (c comparison) layouts(e *Expression, factor func(i int) float64) []*Expression {
	return layoutsBy(e, c.fromDims, c.dims, func(l layout) bool {
		walk := l.walk()
		for _, w := range c.want {
			i := int(walk.off)
			if v := c.from[i] * factor(i); !near(w, v, math.Abs(v), c.dtype) {
				return false
			}
			walk.next()
		}
		return true
	})
}

// near reports whether two numbers differ by at most toleranceUlps units in the last place of a number of a size.
func near(a, b, size float64, dtype onnx.DType) bool {
	if math.IsNaN(a) || math.IsNaN(b) || math.IsInf(a, 0) || math.IsInf(b, 0) {
		return false
	}
	return math.Abs(a-b) <= toleranceUlps*ulp(size, dtype)
}

// ulp returns the distance of neighbouring numbers of a type at a size.
func ulp(size float64, dtype onnx.DType) float64 {
	fraction, least := 23, -126
	switch dtype {
	case onnx.Float64:
		fraction, least = 52, -1022
	case onnx.Float16:
		fraction, least = 10, -14
	case onnx.BFloat16:
		fraction, least = 7, -126
	}
	_, exponent := math.Frexp(size)
	return math.Ldexp(1, max(exponent-1, least)-fraction)
}

// foldBiases explains the biases beside a weight into which a norm was folded.
func (f *finder) foldBiases(g *target) error {
	for _, u := range g.uses {
		for _, o := range f.graph.operands(u) {
			for _, t := range f.graph.neighbours(o) {
				bias := f.byTensor[t]
				if bias == nil || bias.refusal != "" || len(withoutOnes(t.Dims)) > 1 {
					continue
				}
				if err := f.foldBias(bias, g.candidates); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// foldBias explains a bias by the norms that were folded into the weight beside it. That replaces other candidates:
// before training, such a bias is zero, as many tensors are.
func (f *finder) foldBias(g *target, weights []*Expression) error {
	want, err := read(g.tensor, g.tensor.DType, g.tensor.Dims, onnx.Float64)
	if err != nil {
		return err
	}
	var found []*Expression
	for _, w := range weights {
		fold := innermost(w)
		if fold.Op != FoldWeight {
			continue
		}
		v, err := f.values.norm(fold.Norm)
		if err != nil || len(v.mean) != int(g.tensor.Len()) {
			continue
		}
		for _, before := range f.biasesBefore(fold, g.tensor.Len()) {
			e, values := &Expression{Op: FoldBias, Norm: fold.Norm}, make([]float64, len(v.mean))
			if before != nil {
				a, err := f.read(before, onnx.Float64)
				if err != nil {
					return err
				}
				e.Args, values = []*Expression{{Op: Tensor, Name: before.Name}}, a.numbers()
			}
			if v.explains(values, want.numbers(), g.tensor.DType) {
				found = append(found, reshaped(e, []int64{g.tensor.Len()}, g.tensor.Dims))
				break
			}
		}
	}
	if len(found) > 0 {
		g.candidates, g.proof = found, "within 4 units in the last place of the largest term"
	}
	return nil
}

// innermost returns the expression below layouts.
func innermost(e *Expression) *Expression {
	for e.Op == Reshape || e.Op == Transpose || e.Op == Half {
		e = e.Args[0]
	}
	return e
}

// biasesBefore returns the biases that may have been added before a norm: that of the weight's layer; nil stands for
// none.
func (f *finder) biasesBefore(fold *Expression, n int64) []*checkpoint.Tensor {
	prefix, ok := strings.CutSuffix(fold.Args[0].Name, "weight")
	if t := f.checkpoint.Lookup(prefix + "bias"); ok && t != nil && t.Len() == n && isSupported(t.DType) {
		return []*checkpoint.Tensor{t}
	}
	return []*checkpoint.Tensor{nil}
}

// explains reports whether bias values before a norm give the wanted ones behind it.
func (v normValues) explains(before, want []float64, dtype onnx.DType) bool {
	for i, b := range before {
		terms := max(math.Abs(b*v.scale[i]), math.Abs(v.mean[i]*v.scale[i]), math.Abs(v.beta[i]))
		if !near(want[i], (b-v.mean[i])*v.scale[i]+v.beta[i], terms, dtype) {
			return false
		}
	}
	return true
}
