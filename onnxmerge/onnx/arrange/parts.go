package arrange

import (
	"maps"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// splitLayers finds linear operators with a stored weight whose only consumer is a Split of their output channels:
// optimisers such as onnxsim join the layers of query, key and value. In the view each part is a layer of its own, with
// its columns of the weight.
func (w *viewer) splitLayers() error {
	nodes := w.model.Graph.Nodes
	if !slices.ContainsFunc(nodes, func(n onnx.Node) bool { return n.Op() == "Split" }) {
		return nil
	}
	makers, consumers := map[string]int{}, map[string]int{}
	for i := range nodes {
		for _, out := range nodes[i].Outputs {
			makers[out] = i
		}
	}
	for _, n := range w.remaining() {
		for _, name := range n.Inputs {
			consumers[name]++
		}
	}
	for g := range w.model.Bodies() {
		for _, out := range g.Outputs {
			consumers[out.Name]++
		}
	}
	for i := range nodes {
		split := &nodes[i]
		if split.Op() != "Split" || w.dropped[i] || len(split.Inputs) == 0 || consumers[split.Inputs[0]] != 1 {
			continue
		}
		k, isMade := makers[split.Inputs[0]]
		if !isMade || w.dropped[k] || !isOfChannels(split, nodes[k].Op()) {
			continue
		}
		layers, err := w.parts(&nodes[k], split)
		if err != nil {
			return err
		}
		if layers != nil {
			w.dropped[k], w.layers[i] = true, layers
		}
	}
	return nil
}

// isOfChannels reports whether a Split is one of the last axis of a linear operator's result: that of Gemm has two axes,
// and how many that of MatMul has is not known.
func isOfChannels(split *onnx.Node, linear string) bool {
	at := attribute(split, "axis", 0)
	return linear == "MatMul" && at == -1 || linear == "Gemm" && (at == -1 || at == 1)
}

// parts returns the layers into which a Split takes a linear operator apart; nil if its weight, its bias or the sizes of
// the parts are not known.
func (w *viewer) parts(linear, split *onnx.Node) ([]onnx.Node, error) {
	operands, err := w.operands(linear.Inputs[min(1, len(linear.Inputs)):])
	if err != nil || len(operands) == 0 || len(operands[0].dims) != 2 || len(linear.Outputs) != 1 {
		return nil, err
	}
	sizes, err := w.operands(split.Inputs[1:])
	if err != nil || len(sizes) != len(split.Inputs)-1 {
		return nil, err
	}
	layers := make([]onnx.Node, len(split.Outputs))
	for k, out := range split.Outputs {
		layers[k] = *linear
		layers[k].Inputs, layers[k].Outputs = slices.Clone(linear.Inputs), []string{out}
	}
	for slot, a := range operands {
		along := *split
		along.Ints = maps.Clone(split.Ints)
		along.Ints["axis"] = []int64{-1}
		if slot == 0 && attribute(linear, "transB", 0) != 0 {
			along.Ints["axis"] = []int64{0}
		}
		parts := rules["Split"](&along, slices.Concat([]*array{a}, sizes))
		if a.isInt || len(parts) != len(layers) {
			return nil, nil
		}
		for k, part := range parts {
			layers[k].Inputs[slot+1] = layers[k].Outputs[0] + " of " + linear.Inputs[slot+1]
			if w.total += int64(len(part.v)); w.total > maxTotal {
				return nil, nil
			}
			w.known[layers[k].Inputs[slot+1]] = part
		}
	}
	return layers, nil
}

// operands returns the arrays of names; nil if one is not known.
func (w *viewer) operands(names []string) ([]*array, error) {
	list := make([]*array, len(names))
	for k, name := range names {
		var err error
		if list[k], err = w.operand(name); err != nil || list[k] == nil {
			return nil, err
		}
	}
	return list, nil
}
