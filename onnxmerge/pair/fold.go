package pair

import (
	"fmt"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Fold is an operator behind which one model has a BatchNormalization that the other has
// folded into its weights. It computes, channel by channel,
//
//	y = s * (W x + bias - mean) + shift,  s = scale / sqrt(variance + epsilon)
//
// which is s W x + (s * (bias - mean) + shift).
type Fold struct {
	WeightA, WeightB *onnx.Tensor
	Perm             []int // see Pair
	// Axis of WeightB's dims counts the channels.
	Axis         int
	BiasA, BiasB *onnx.Tensor // nil where the operator has none
	// Norm is the BatchNormalization, and InA says which model has it.
	Norm Norm
	InA  bool
}

// Norm is a BatchNormalization. Each tensor has an element for each channel.
type Norm struct {
	Scale, Shift, Mean, Variance *onnx.Tensor
	Epsilon                      float64
}

// folded is the conflict of weights of which one has a BatchNormalization behind it and
// the other has not.
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
			s.foldList = append(s.foldList, fold)
		}
	}
	out.Fold = fold
	return out
}

// main is the operator that has the weight, of one that only adds a bias.
func (o *op) main() *op {
	if o.name == "Add" && o.through && o.ins[0].op != nil {
		return o.ins[0].op
	}
	return o
}

// weightAndBias returns the uses of a layer: an operator with one weight, and the bias that
// it or the operator behind it adds.
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
	if bias == nil && len(o.out.takers) == 1 {
		if next := o.out.takers[0].op; next.name == "Add" && len(next.uses) == 1 && next.uses[0].isBias() {
			bias = next.uses[0]
		}
	}
	return weight, bias
}

// newFold describes how the layers of a and b are folded; nil if this is none of the forms
// that exporters fold.
func (s *search) newFold(a, b *op) *Fold {
	weightA, biasA := a.weightAndBias()
	weightB, biasB := b.weightAndBias()
	if weightA == nil || weightB == nil {
		return nil
	}
	if len(s.kindsA[weightA.tensor]) > 1 || len(s.kindsB[weightB.tensor]) > 1 {
		return nil // layers that share a weight may not share what is behind it
	}
	perm, ok := relativePerm(weightA.view, weightB.view)
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
	m, normed := s.b, b
	if f.InA {
		m, normed = s.a, a
	}
	if f.Norm, ok = normOf(m, normed); !ok {
		return nil
	}
	axis, ok := channelAxis(b, weightB.view)
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

// channelAxis is the axis of a layer's weight that counts the channels of its result,
// where these are the channels of a BatchNormalization right behind it.
func channelAxis(o *op, w view) (axis int, ok bool) {
	switch {
	case len(w.shape) < 2 || len(w.perm) != len(w.shape):
		return 0, false
	case o.node.OpType == "Conv":
		return 0, true
	case o.node.OpType == "ConvTranspose":
		groups := o.node.Ints["group"]
		return 1, len(groups) == 0 || groups[0] == 1
	case o.node.OpType == "Gemm":
		return len(w.shape) - 1, true // as MatMul has it
	}
	return 0, false
}

// normOf reads the BatchNormalization behind a layer. ok is false if there is more between
// than a bias, if something else takes what the layer computes, or if a parameter is no
// tensor of the model.
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

// leadsOnlyTo reports whether what n computes is taken by one operator: last, or an Add in
// front of it.
func leadsOnlyTo(g *onnx.Graph, n, last *onnx.Node) bool {
	for range 2 {
		if len(n.Outputs) != 1 {
			return false
		}
		var taker *onnx.Node
		uses := 0
		for i := range g.Nodes {
			for _, in := range g.Nodes[i].Inputs {
				if in == n.Outputs[0] {
					taker = &g.Nodes[i]
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
		case taker == last:
			return true
		case taker == nil || taker.OpType != "Add":
			return false
		}
		n = taker
	}
	return false
}
