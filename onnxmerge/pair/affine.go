package pair

import (
	"math"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

const batchNorm = "BatchNormalization"

// A linear operator y = W x + bias and an affine operator before or behind it, y' = s y + t by channel or by one
// number, are one linear operator. Exporters and optimisers fold one into the other: BatchNormalization,
// FrozenBatchNorm, layer scale, residual scaling. If only one model is folded, its W is s W of the other, and their mix
// is neither. The affine operators around a linear one therefore are compared with those around its counterpart.

// passing are the operators that an exporter moves an affine operator across: they move elements.
var passing = map[string]bool{"Transpose": true, "Reshape": true, "Squeeze": true, "Unsqueeze": true, "Flatten": true,
	"Cast": true, "CastLike": true}

// placing are further operators across which a scale by channel before them acts as one behind them: they choose positions,
// or add zeros.
var placing = map[string]bool{"Pad": true, "Slice": true, "Split": true, "Concat": true}

// maxBetween bounds the operators between a linear operator and an affine one: for a window that is rolled, two axes are
// sliced and joined.
const maxBetween = 16

// scaling is what scales the result or the operand of a linear operator.
type scaling struct {
	channels []*op    // BatchNormalization, and Mul or Div by a stored tensor of several elements
	factors  []Factor // single numbers
}

// Factor is a single number by which a linear operator's operand or result is multiplied.
type Factor struct {
	Tensor  *onnx.Tensor // nil if Value is the number
	Value   float64      // NaN if the model computes it, for example from the width of a tensor
	Inverse bool         // it is divided by the number
}

// passes reports whether the operator moves elements or adds a bias, so that a scale before it can be moved behind it.
func (o *op) passes() bool {
	if o.bounded || o.dynamic() == nil {
		return false
	}
	if len(o.ins) == 2 {
		return (o.name == "Add" || o.name == "Sub") && len(o.uses)+len(o.ones) == 0 // of a bias that is computed
	}
	if o.name == "Add" || o.name == "Sub" {
		return len(o.uses)+len(o.ones) == 1 && (len(o.uses) == 0 || IsVector(o.uses[0].shape))
	}
	return passing[o.name] && len(o.uses)+len(o.ones) == 0
}

// dynamic returns the only data operand that depends on an input of the model, of one or two; nil if there is no such
// one.
func (o *op) dynamic() *value {
	switch {
	case len(o.ins) == 1:
		return o.ins[0]
	case len(o.ins) == 2 && o.ins[0].isStatic() && !o.ins[1].isStatic():
		return o.ins[1]
	case len(o.ins) == 2 && o.ins[1].isStatic() && !o.ins[0].isStatic():
		return o.ins[0]
	}
	return nil
}

// addScale adds the operator to s if it scales its only data operand. The scale of a normalisation other than
// BatchNormalization does not count: it scales the normalised operand.
func (o *op) addScale(s *scaling) bool {
	switch {
	case o.bounded || o.dynamic() == nil || o.name != batchNorm && normalisations[o.node.Op()]:
		return false
	case o.name == batchNorm:
		s.channels = append(s.channels, o)
		return true
	case o.name != "Mul" && o.name != "Div" || o.name == "Div" && slices.ContainsFunc(o.stored(), (*use).isFirst):
		return false
	case len(o.ins) == 2:
		if len(o.uses)+len(o.ones) > 0 {
			return false
		}
		if slices.ContainsFunc(o.ins, func(v *value) bool { return v.op != nil && v.op.number }) {
			s.factors = append(s.factors, Factor{Value: math.NaN()})
		} else {
			s.channels = append(s.channels, o) // computed from stored tensors
		}
		return true
	case len(o.uses) == 1 && len(o.ones) == 0 && IsVector(o.uses[0].shape):
		s.channels = append(s.channels, o)
		return true
	case len(o.ones) == 1 && len(o.uses) == 0:
		s.factors = append(s.factors, Factor{Tensor: o.ones[0].tensor, Inverse: o.name == "Div"})
		return true
	case len(o.uses)+len(o.ones) == 0 && len(o.node.Inputs) == 2:
		s.factors = append(s.factors, Factor{Value: math.NaN()})
		return true
	}
	return false
}

// isFirst reports whether the tensor is the operator's first operand.
func (u *use) isFirst() bool { return u.role == 0 }

// stored returns all tensors that are operands of the operator.
func (o *op) stored() []*use { return slices.Concat(o.uses, o.ones) }

// behind returns what scales the operator's result. A BatchNormalization counts if it is one of several consumers,
// since it changes the result's meaning for evidence; another operator only as the single one, as nothing else is
// folded.
func (o *op) behind() scaling {
	var s scaling
	at := []*value{o.out}
	for range maxBetween {
		var next []*value
		for _, v := range at {
			for _, c := range v.consumers {
				alone := len(v.consumers) == 1 && !v.isOutput
				switch {
				case c.op.name == batchNorm || alone && c.op.isScale():
					c.op.addScale(&s)
					next = append(next, c.op.out)
				case c.op.passes():
					next = append(next, c.op.out)
				}
			}
		}
		if len(next) == 0 {
			break
		}
		at = next
	}
	return s
}

// isScale reports whether the operator scales its only data operand.
func (o *op) isScale() bool { return o.addScale(&scaling{}) }

// before returns what scales the operator's operand, unless it is the result of another linear operator.
func (o *op) before() scaling {
	var s scaling
	for range maxBetween {
		in := o.dynamic()
		if o.isPlacing() {
			in = o.ins[0]
		}
		if in == nil || in.op == nil {
			break
		}
		o = in.op
		switch {
		case o.name != batchNorm && normalisations[o.node.Op()]:
			if o.name == "Add" && o.ins[0].op != nil && o.ins[0].op.node == o.node {
				o = o.ins[0].op // the normalisation's scale, before its shift
			}
			if o.name == "Mul" && len(o.uses) > 0 {
				s.channels = append(s.channels, o)
			}
			return s // the operand is normalised
		case o.isLinear() && o.name != "Mul" && o.name != "Add":
			return scaling{} // of that operator
		case !o.addScale(&s) && !o.passes() && !o.isPlacing():
			return s
		}
	}
	return s
}

// isPlacing reports whether the operator chooses positions of one value, such as Slice, or Concat of slices of it.
func (o *op) isPlacing() bool {
	return placing[o.name] && o.transparent && len(o.uses)+len(o.ones) == 0
}

// scaled returns what scales the linear operator whose weight or bias the use is, before and behind it. Both are empty
// for other operators.
func (u *use) scaled() (before, behind scaling) {
	o := u.op
	switch {
	case o.name == batchNorm || o.isScale() || u.tensor.Len() == 1:
		return scaling{}, scaling{}
	case u.isBias():
		if o = o.main(); !o.isLinear() {
			return scaling{}, scaling{}
		}
	case IsVector(u.shape):
		return scaling{}, scaling{}
	}
	before, behind = o.before(), u.op.behind()
	if o.alpha != 0 && o.alpha != 1 {
		behind.factors = append(behind.factors, Factor{Value: float64(o.alpha)})
	}
	return before, behind
}

// isLinear reports whether the operator has a weight of two axes or more.
func (o *op) isLinear() bool {
	return slices.ContainsFunc(o.uses, func(u *use) bool { return !IsVector(u.shape) })
}

// oneScaled reports whether the numbers of operators that scale by channel around both uses differ.
func (c candidate) oneScaled() bool {
	beforeA, behindA := c.a.scaled()
	beforeB, behindB := c.b.scaled()
	return len(behindA.channels) != len(behindB.channels) || len(beforeA.channels) != len(beforeB.channels)
}

// factors returns the single numbers that scale each side, if they may differ.
func (c candidate) factors() (a, b []Factor) {
	beforeA, behindA := c.a.scaled()
	beforeB, behindB := c.b.scaled()
	return slices.Concat(beforeA.factors, behindA.factors), slices.Concat(beforeB.factors, behindB.factors)
}

// isNormalised reports whether a normalisation consumes the operator's result, directly or behind a bias, so that a
// factor of the weight changes nothing.
func (o *op) isNormalised() bool {
	at := []*value{o.out}
	for range maxBetween {
		var next []*value
		for _, v := range at {
			for _, c := range v.consumers {
				if normalisations[c.op.node.Op()] || c.op.name == "ReduceMean" {
					return true
				}
				if c.op.passes() {
					next = append(next, c.op.out)
				}
			}
		}
		at = next
	}
	return false
}

// normalisations are the operators whose result does not depend on their operand's scale. ReduceMean begins the written
// out form of LayerNormalization.
var normalisations = map[string]bool{
	batchNorm: true, "LayerNormalization": true, "GroupNormalization": true, "InstanceNormalization": true,
	"RMSNormalization": true, "SimplifiedLayerNormalization": true, "LpNormalization": true,
	"com.microsoft.GroupNorm": true, "com.microsoft.SkipLayerNormalization": true,
	"com.microsoft.SkipSimplifiedLayerNormalization": true, "com.microsoft.SkipGroupNorm": true,
}
