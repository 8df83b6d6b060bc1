package pair

import (
	"fmt"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Fold describes an operator that one model follows with a BatchNormalization, which the other model has folded into
// the operator's weights. By channel, the operator and the BatchNormalization compute
//
//	y = s * (W x + bias - mean) + shift,  s = scale / sqrt(variance + epsilon)
//
// which equals s W x + (s * (bias - mean) + shift).
type Fold struct {
	WeightA, WeightB *onnx.Tensor
	How              How   // what proves that the two weights are a pair
	Perm             []int // see Pair
	// Axis is the axis of WeightB.Dims that counts the channels.
	Axis         int
	BiasA, BiasB *onnx.Tensor // nil if the operator has none
	// Norm is the BatchNormalization; InA reports whether the pre-trained model has it.
	Norm Norm
	InA  bool
}

// Norm holds the parameters of a BatchNormalization. Each tensor has one element per channel.
type Norm struct {
	Scale, Shift, Mean, Variance *onnx.Tensor
	Epsilon                      float64
}

// folded returns the conflict of a candidate of which exactly one side has a BatchNormalization behind it.
func (s *search) folded(c candidate) *Conflict {
	has, other := "fine-tuned", "pre-trained"
	if c.a.op.norm != nil {
		has, other = other, has
	}
	out := &Conflict{A: c.a.tensor, B: c.b.tensor, Reason: fmt.Sprintf("the %s model has a BatchNormalization behind it, "+
		"the %s one has none, or folded into the weight", has, other)}
	main := c.b.op.main()
	fold, seen := s.folds[main]
	if !seen {
		fold = s.newFold(c.a.op.main(), main)
		s.folds[main] = fold
		if fold != nil {
			fold.How = c.how
			s.foldList = append(s.foldList, fold)
		}
	}
	out.Fold = fold
	return out
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
	if bias == nil && len(o.out.consumers) == 1 {
		if next := o.out.consumers[0].op; next.name == "Add" && len(next.uses) == 1 && next.uses[0].isBias() {
			bias = next.uses[0]
		}
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
	if len(s.usesA[weightA.tensor]) > 1 || len(s.usesB[weightB.tensor]) > 1 {
		return nil // another layer with this weight may have no normalisation
	}
	perm, ok := relativePerm(weightA.permuted, weightB.permuted)
	if !ok {
		return nil
	}
	f := &Fold{WeightA: weightA.tensor, WeightB: weightB.tensor, Perm: perm, InA: a.norm != nil}
	if biasA != nil {
		f.BiasA = biasA.tensor
	}
	if biasB != nil {
		f.BiasB = biasB.tensor
	}
	m, normalised := s.b, b
	if f.InA {
		m, normalised = s.a, a
	}
	if f.Norm, ok = normOf(m, normalised); !ok {
		return nil
	}
	axis, ok := channelAxis(b, weightB.permuted)
	if !ok || weightB.shape[axis] != f.Norm.Scale.Len() {
		return nil
	}
	f.Axis = weightB.perm[axis]
	for _, bias := range []*onnx.Tensor{f.BiasA, f.BiasB} {
		if bias != nil && bias.Len() != f.Norm.Scale.Len() {
			return nil
		}
	}
	return f
}

// channelAxis returns the axis of a layer's weight that counts the output channels, if these are the channels of a
// BatchNormalization directly behind the layer.
func channelAxis(o *op, w permuted) (axis int, ok bool) {
	switch {
	case len(w.shape) < 2 || len(w.perm) != len(w.shape):
		return 0, false
	case o.node.OpType == "Conv":
		return 0, true
	case o.node.OpType == "ConvTranspose":
		groups := o.node.Ints["group"]
		return 1, len(groups) == 0 || groups[0] == 1
	case o.node.OpType == "Gemm":
		return len(w.shape) - 1, true // in the axis order of MatMul
	}
	return 0, false
}

// normOf returns the BatchNormalization behind a layer. ok is false if more than a bias lies between them, if another
// operator consumes the layer's result, or if a parameter is not a tensor of the model.
func normOf(m *onnx.Model, o *op) (n Norm, ok bool) {
	bn := o.norm
	if bn.node.OpType != batchNorm || len(bn.node.Inputs) < 5 || !leadsOnlyTo(bn.graph, o.node, bn.node) {
		return n, false
	}
	var params [4]*onnx.Tensor
	for i := range params {
		t, _, _ := m.Resolve(bn.graph, bn.node.Inputs[i+1])
		if t == nil || !t.DType.IsFloat() || !t.Readable() || len(t.Dims) != 1 || i > 0 && t.Len() != params[0].Len() {
			return n, false
		}
		params[i] = t
	}
	n = Norm{Scale: params[0], Shift: params[1], Mean: params[2], Variance: params[3], Epsilon: 1e-5} // ONNX's default
	if epsilon, set := bn.node.Floats["epsilon"]; set {
		n.Epsilon = float64(epsilon)
	}
	return n, true
}

// leadsOnlyTo reports whether n's result has one consumer, which is last or an Add directly before last.
func leadsOnlyTo(g *onnx.Graph, n, last *onnx.Node) bool {
	for range 2 {
		if len(n.Outputs) != 1 {
			return false
		}
		var consumer *onnx.Node
		uses := 0
		for i := range g.Nodes {
			for _, in := range g.Nodes[i].Inputs {
				if in == n.Outputs[0] {
					consumer = &g.Nodes[i]
					uses++
				}
			}
		}
		for _, out := range g.Outputs {
			if out.Name == n.Outputs[0] {
				uses++
			}
		}
		switch {
		case uses != 1:
			return false
		case consumer == last:
			return true
		case consumer == nil || consumer.OpType != "Add":
			return false
		}
		n = consumer
	}
	return false
}
