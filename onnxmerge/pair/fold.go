package pair

import (
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Fold describes a linear operator that one model follows with an affine one, such as BatchNormalization, which the
// other model has folded into the operator's weights. By channel, the two operators compute
//
//	y = s * (W x + bias - mean) + shift
//
// which equals s W x + (s * (bias - mean) + shift). For the scale s see [Affine].
type Fold struct {
	WeightA, WeightB *onnx.Tensor
	How              How   // what proves that the two weights are a pair
	Perm             []int // see Pair
	// Axis is the axis of WeightB.Dims that counts the channels.
	Axis         int
	BiasA, BiasB *onnx.Tensor // nil if the operator has none
	// Affine is the operator that scales; InA reports whether the pre-trained model has it.
	Affine Affine
	InA    bool
}

// Affine holds the parameters of an affine operator: one element per channel, or a single one. Shift, Mean and Variance
// are nil where the operator has none. The scale is
//
//	s = Scale                              if Variance is nil; 1 / Scale if Inverse is set too
//	s = Scale / sqrt(Variance + Epsilon)   else
type Affine struct {
	Op                           string // "BatchNormalization", "Mul", "Div"
	Scale, Shift, Mean, Variance *onnx.Tensor
	Epsilon                      float64
	Inverse                      bool
	Channels                     int64 // of the linear operator
}

// TensorsA returns the tensors of the pre-trained model that the fold uses.
func (f *Fold) TensorsA() []*onnx.Tensor {
	list := []*onnx.Tensor{f.WeightA, f.BiasA}
	if f.InA {
		list = append(list, f.Affine.Scale, f.Affine.Shift, f.Affine.Mean, f.Affine.Variance)
	}
	return slices.DeleteFunc(list, func(t *onnx.Tensor) bool { return t == nil })
}

// folded returns the conflict of a candidate with an affine operator on one side that the other side lacks, and lists
// the fold.
func (s *search) folded(c candidate) *Conflict {
	out := s.foldConflict(c)
	if out.Fold != nil && !slices.Contains(s.foldList, out.Fold) {
		s.foldList = append(s.foldList, out.Fold)
	}
	return out
}

// foldConflict returns the conflict of a candidate with other affine operators on one side than on the other.
func (s *search) foldConflict(c candidate) *Conflict {
	beforeA, behindA := c.a.scaled()
	beforeB, behindB := c.b.scaled()
	has, other, where := "fine-tuned", "pre-trained", "behind"
	own, others := behindB, behindA
	if len(own.channels) == len(others.channels) && len(own.factors) == len(others.factors) {
		own, others, where = beforeB, beforeA, "before"
	}
	if len(own.channels)+len(own.factors) < len(others.channels)+len(others.factors) {
		has, other, own = other, has, others
	}
	out := &Conflict{A: c.a.tensor, B: c.b.tensor, Reason: fmt.Sprintf("the %s model has a %s %s it, "+
		"the %s one has none, or folded into the weight", has, own.name(), where, other)}
	if where == "before" {
		out.Displaced = true // as a head with another normalisation before it has
		return out
	}
	main := c.b.op.main()
	fold, seen := s.folds[main]
	if !seen {
		fold = s.newFold(c.a.op.main(), main)
		s.folds[main] = fold
		if fold != nil {
			fold.How = c.how
		}
	}
	out.Fold = fold
	return out
}

// name returns the operator that scales.
func (s scaling) name() string {
	if len(s.channels) > 0 {
		return s.channels[len(s.channels)-1].name
	}
	return "factor"
}

// main returns the operator that has the weight: for an Add of a bias the operator before it.
func (o *op) main() *op {
	if o.name == "Add" && o.transparent && o.ins[0].op != nil {
		return o.ins[0].op
	}
	return o
}

// weightAndBias returns the uses of a layer: an operator with one weight, and the bias that the operator or an Add
// behind it adds.
func (o *op) weightAndBias() (weight, bias *use) {
	for _, u := range o.uses {
		switch {
		case u.isBias():
			bias = u
		case weight != nil:
			return nil, nil
		default:
			weight = u
		}
	}
	if weight == nil || bias != nil {
		return weight, bias
	}
	if at := o.channels(weight); at != nil {
		bias = at.skipShift()
	}
	return weight, bias
}

// newFold describes the fold of two layers; nil if it is not one of the forms that exporters fold.
func (s *search) newFold(a, b *op) *Fold {
	weightA, biasA := a.weightAndBias()
	weightB, biasB := b.weightAndBias()
	if weightA == nil || weightB == nil {
		return nil
	}
	if len(weightB.record.uses) > 1 {
		return nil // another layer with this weight may have no normalisation
	}
	perm, ok := relativePerm(weightA.permuted, weightB.permuted)
	if !ok {
		return nil
	}
	f := &Fold{WeightA: weightA.tensor, WeightB: weightB.tensor, Perm: perm}
	if biasA != nil {
		f.BiasA = biasA.tensor
	}
	if biasB != nil {
		f.BiasB = biasB.tensor
	}
	affineA, tailA, onA := a.affine(weightA)
	affineB, tailB, onB := b.affine(weightB)
	switch {
	case onA == onB:
		return nil // both, or none that can be folded
	case !slices.Equal(tailA, tailB):
		return nil // the other model has the affine operator in another form
	case onA:
		f.Affine, f.InA = affineA, true
	default:
		f.Affine = affineB
	}
	axis, ok := channelAxis(b, weightB.permuted)
	switch {
	case ok && weightB.shape[axis] == f.Affine.Channels && weightB.perm[axis] >= 0:
		f.Axis = weightB.perm[axis]
	case f.Affine.Scale.Len() != 1:
		return nil
	}
	for _, bias := range []*onnx.Tensor{f.BiasA, f.BiasB} {
		if bias != nil && bias.Len() != f.Affine.Channels {
			return nil
		}
	}
	return f
}

// channelAxis returns the axis of a linear operator's weight that counts the output channels.
func channelAxis(o *op, w *permuted) (axis int, ok bool) {
	switch {
	case len(w.shape) < 2 || len(w.perm) != len(w.shape):
		return 0, false
	case o.name == "Conv":
		return 0, true
	case o.name == "ConvTranspose":
		groups := o.node.Ints["group"]
		return 1, len(groups) == 0 || groups[0] == 1
	case o.name == "MatMul":
		return len(w.shape) - 1, true
	}
	return 0, false
}

// affine returns the affine operator behind the linear operator o with weight w, directly or behind a bias, operators
// that exchange axes and those that change the type. ok is false if there is none or more than one, if another operator
// consumes a value between them, or if a parameter is not a stored tensor with an element for each channel. tail has the
// operators that scale or shift behind the affine one, or behind the bias if ok is false.
func (o *op) affine(w *use) (found Affine, tail []string, ok bool) {
	at := o.channels(w)
	if at == nil {
		return found, nil, false
	}
	at.skipShift() // the layer's own bias
	behind := *at
	found.Channels = at.n
	if !found.read(o, at) {
		return found, behind.tail(), false
	}
	then := *at
	if next := then.next(); next != nil && next.isScale() {
		return found, behind.tail(), false // two in a row
	}
	return found, at.tail(), true
}

// read sets the parameters of the affine operator behind the linear operator o, and goes on behind it. It returns false
// if there is none, or if one is not known.
func (a *Affine) read(o *op, at *channels) bool {
	next := at.next()
	if next == nil {
		return false
	}
	a.Op = next.name
	switch {
	case next.name == batchNorm:
		if o.name == "MatMul" && o.node.OpType == "MatMul" {
			return false // with three axes its channels are the second axis, not MatMul's last
		}
		return !at.isMoved && a.readNorm(next)
	case next.isScale() && len(next.stored()) == 1:
		scale := next.stored()[0]
		if !scale.isReadable() || scale.tensor.Len() > 1 && !at.isPerChannel(scale) {
			return false
		}
		a.Scale, a.Inverse = scale.tensor, next.name == "Div"
		if shift := at.skipShift(); shift != nil {
			a.Shift = shift.tensor
			return shift.isReadable()
		}
		return true
	}
	return false
}

// readNorm sets the parameters of a BatchNormalization; it returns false if one is not known.
func (a *Affine) readNorm(norm *op) bool {
	if norm.node.References["epsilon"] != "" {
		return false // a default of the function, which is not known
	}
	a.Epsilon = 1e-5 // ONNX's default
	if epsilon, set := norm.node.Floats["epsilon"]; set {
		a.Epsilon = float64(epsilon)
	}
	for role, t := range map[int]**onnx.Tensor{1: &a.Scale, 2: &a.Shift, 3: &a.Mean, 4: &a.Variance} {
		for _, u := range norm.stored() {
			if u.role == role && u.isReadable() && u.tensor.Len() == a.Channels {
				*t = u.tensor
			}
		}
		if *t == nil {
			return false
		}
	}
	return true
}

// only returns the single operator that consumes v; nil if there are none or several, or if v is an output.
func (v *value) only() *op {
	if v.isOutput || len(v.consumers) != 1 {
		return nil
	}
	return v.consumers[0].op
}

func (u *use) isReadable() bool { return u.tensor.DType.IsFloat() && u.tensor.Readable() }
