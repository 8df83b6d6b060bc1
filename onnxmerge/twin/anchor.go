package twin

import (
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
)

// anchors numbers pairs of values that correspond because of a pair of weights.
type anchors struct {
	a, b     *side
	ofA, ofB map[string]int // anchors by value; the first one of a value holds
	sure     []bool         // by anchor
	partner  map[*onnx.Tensor]*onnx.Tensor
}

// use is an operator of the main graph that takes a tensor.
type use struct {
	node *onnx.Node
	slot int
}

// add adds the anchors of every pair.
func (x *anchors) add(pairs []Pair) {
	for _, p := range pairs {
		x.partner[p.A], x.partner[p.B] = p.B, p.A
	}
	usesA, usesB := x.a.uses(), x.b.uses()
	for _, p := range pairs {
		listA, listB := usesA[p.A], usesB[p.B]
		if len(listA) != len(listB) {
			continue
		}
		for i := range listA {
			x.addUse(p, listA[i], listB[i])
		}
	}
}

// addUse adds the anchors of one use of a pair.
func (x *anchors) addUse(p Pair, a, b use) {
	x.addEnds(p, a, b)
	if family(a.node) != family(b.node) {
		return
	}
	if p.Folded && (scaling[family(a.node)] == "" || scaling[family(a.node)] == "affine") {
		return // one of the two operators adds to what is not scaled yet
	}
	dataA, dataB := x.a.data(a.node), x.b.data(b.node)
	switch {
	case len(dataA) == 1 && len(dataB) == 1:
		x.set(a.node.Inputs[dataA[0]], b.node.Inputs[dataB[0]], true)
	case a.node.Op() == b.node.Op() && slices.Equal(dataA, dataB):
		for _, slot := range dataA {
			x.set(a.node.Inputs[slot], b.node.Inputs[slot], true)
		}
	}
}

// addEnds adds the results of two operators behind everything that shifts and scales them.
func (x *anchors) addEnds(p Pair, a, b use) {
	if scaling[family(a.node)] != scaling[family(b.node)] || scaling[family(a.node)] == "" {
		return
	}
	endA, endB := x.a.affineEnd(a.node), x.b.affineEnd(b.node)
	if !x.corresponds(endA, endB) || !x.corresponds(endB, endA) {
		return
	}
	isFoldReached := (endA.steps > 0) != (endB.steps > 0)
	x.set(endA.value, endB.value, !endA.numbers && !endB.numbers && (!p.Folded || isFoldReached))
}

// corresponds reports whether the counterpart of every tensor of one chain is in the other.
func (x *anchors) corresponds(of, other affineChain) bool {
	for _, t := range of.tensors {
		if p := x.partner[t]; p != nil && !slices.Contains(other.tensors, p) {
			return false
		}
	}
	return true
}

// set numbers a pair of values, unless one of them has another counterpart.
func (x *anchors) set(a, b string, sure bool) {
	if _, ok := x.ofA[a]; ok {
		return
	}
	if _, ok := x.ofB[b]; ok {
		return
	}
	x.ofA[a], x.ofB[b] = len(x.sure), len(x.sure)
	x.sure = append(x.sure, sure)
}

// scaling are the families of operators whose result is followed, by the kind of what they compute: of two operators of
// one kind with a pair of weights, the results behind the scale and the shift are the same.
var scaling = map[string]string{
	"MatMul": "linear", "Conv": "convolution", "ConvTranspose": "transposed convolution",
	"LayerNormalization": "affine", "GroupNormalization": "affine", "InstanceNormalization": "affine",
	"RMSNormalization": "affine", "SimplifiedLayerNormalization": "affine", "BatchNormalization": "affine",
	"Mul": "affine", "Add": "affine",
}

// families are operators that take the same data with the same weight.
var families = map[string]string{
	"Gemm": "MatMul", "com.microsoft.FusedMatMul": "MatMul", "com.microsoft.FusedGemm": "MatMul",
	"com.microsoft.FusedConv": "Conv",
}

func family(n *onnx.Node) string {
	if f := families[n.Op()]; f != "" {
		return f
	}
	return n.Op()
}

// uses returns the operators of the main graph that take each tensor beside a value that depends on an input.
func (s *side) uses() map[*onnx.Tensor][]use {
	found := map[*onnx.Tensor][]use{}
	for i := range s.model.Graph.Nodes {
		n := &s.model.Graph.Nodes[i]
		if len(s.data(n)) == 0 {
			continue
		}
		for slot, name := range n.Inputs {
			if s.live[name] {
				continue
			}
			if t := flow.Tensor(s.model, s.model.Graph, name); t != nil {
				found[t] = append(found[t], use{n, slot})
			}
		}
	}
	return found
}

// data returns the slots of an operator's operands that depend on an input.
func (s *side) data(n *onnx.Node) (slots []int) {
	for slot, name := range n.Inputs {
		if s.live[name] {
			slots = append(slots, slot)
		}
	}
	return slots
}

// affineChain is a linear operator and the operators behind it that shift or scale its result by tensors.
type affineChain struct {
	value   string // the result of the last one
	tensors []*onnx.Tensor
	steps   int  // operators behind the first
	numbers bool // one of the tensors is a single number, which other exporters may apply elsewhere
}

// affineOps are operators that shift or scale, with the slot of their data; -1 is any.
var affineOps = map[string]int{"Add": -1, "Mul": -1, "Sub": 0, "Div": 0, "BatchNormalization": 0, "Identity": 0,
	"Dropout": 0, "Cast": 0}

// affineEnd follows the result of a linear operator as long as it has one consumer that shifts or scales it.
func (s *side) affineEnd(n *onnx.Node) affineChain {
	c := affineChain{value: n.Outputs[0]}
	for _, name := range n.Inputs {
		if t := flow.Tensor(s.model, s.model.Graph, name); t != nil && !s.live[name] {
			c.tensors = append(c.tensors, t)
		}
	}
	for {
		uses := s.graph.Consumers(c.value)
		if len(uses) != 1 || uses[0].Slot < 0 || s.output[c.value] {
			return c
		}
		next := &s.model.Graph.Nodes[uses[0].Node]
		slot, ok := affineOps[next.Op()]
		if !ok || slot >= 0 && slot != uses[0].Slot || len(s.data(next)) != 1 {
			return c
		}
		for i, name := range next.Inputs {
			if i == uses[0].Slot || name == "" {
				continue
			}
			t := flow.Tensor(s.model, s.model.Graph, name)
			if t == nil {
				return c
			}
			c.tensors, c.numbers = append(c.tensors, t), c.numbers || t.Len() == 1
		}
		c.value = next.Outputs[0]
		c.steps++
	}
}
