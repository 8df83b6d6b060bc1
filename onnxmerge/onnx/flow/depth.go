package flow

import (
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Place is where a tensor is used.
type Place struct {
	// Depth is the distance from the model's input of the first operator that uses the tensor: 0 for the first layer, 1
	// for the last. It counts operators with a weight of two axes or more on the longest path that leads there, because
	// exporters agree on these and write biases and normalisations in several ways. Such a vector has the depth of
	// the layer before it.
	Depth float64
	Ops   []string // the kinds of operators that use it, sorted
}

// Places returns where each tensor of the model is used. An unused tensor has depth 0.
func Places(m *onnx.Model) map[*onnx.Tensor]Place {
	v := &depthVisitor{layers: map[*onnx.Tensor]int{}, ops: map[*onnx.Tensor][]string{}}
	Walk(m, v)
	places := map[*onnx.Tensor]Place{}
	for _, t := range m.Tensors {
		slices.Sort(v.ops[t])
		p := Place{Ops: slices.Compact(v.ops[t])}
		if n := v.layers[t]; n > 1 {
			p.Depth = float64(n-1) / float64(v.deepest-1)
		}
		places[t] = p
	}
	return places
}

// layered is a value during the computation of depths.
type layered struct {
	tensor *onnx.Tensor // whose elements the value has; nil if none's
	layers int          // operators with matrices on the longest path to the value
}

// depthVisitor computes the number of layers on the longest path to each value.
type depthVisitor struct {
	layers  map[*onnx.Tensor]int // to the tensor's nearest use, the use included
	ops     map[*onnx.Tensor][]string
	deepest int
}

func (*depthVisitor) Input(int, onnx.Value) layered                  { return layered{} }
func (*depthVisitor) Tensor(t *onnx.Tensor) layered                  { return layered{tensor: t} }
func (*depthVisitor) Undefined() layered                             { return layered{} }
func (*depthVisitor) Capture(_ Body[layered], outer layered) layered { return outer }
func (*depthVisitor) BodyInput(at Body[layered], _ int, constant layered) layered {
	return layered{tensor: constant.tensor, layers: at.Entry.layers}
}

func (v *depthVisitor) Operator(_ *onnx.Graph, n *onnx.Node, operands []layered) []layered {
	if forwarding[n.Op()] && len(operands) > 0 {
		return operands[:1] // the elements are used elsewhere
	}
	return repeat(v.use(n, operands), len(n.Outputs))
}

func (v *depthVisitor) Enter(n *onnx.Node, operands []layered) layered { return v.use(n, operands) }

func (*depthVisitor) Leave(n *onnx.Node, entry layered, results [][]layered) []layered {
	for _, r := range results {
		for _, out := range r {
			entry.layers = max(entry.layers, out.layers)
		}
	}
	return repeat(entry, len(n.Outputs))
}

// use records the tensors that an operator uses and returns its result.
func (v *depthVisitor) use(n *onnx.Node, operands []layered) layered {
	at := 0
	hasMatrix := false
	for _, o := range operands {
		at = max(at, o.layers)
		hasMatrix = hasMatrix || o.tensor != nil && isMatrix(o.tensor)
	}
	if hasMatrix {
		at++
	}
	v.deepest = max(v.deepest, at)
	for _, o := range operands {
		if o.tensor == nil {
			continue
		}
		if first, seen := v.layers[o.tensor]; !seen || at < first {
			v.layers[o.tensor] = at
		}
		v.ops[o.tensor] = append(v.ops[o.tensor], n.OpType)
	}
	return layered{layers: at}
}

// repeat returns a list of n times v.
func repeat[V any](v V, n int) []V { return slices.Repeat([]V{v}, n) }

// isMatrix reports whether a tensor is a weight of two axes or more.
func isMatrix(t *onnx.Tensor) bool {
	axes := 0
	for _, d := range t.Dims {
		if d > 1 {
			axes++
		}
	}
	return t.DType.IsFloat() && axes > 1
}
