package flow

import (
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of onnx.proto that a skeleton needs.
const (
	modelGraph       = 7 // ModelProto.graph
	graphNode        = 1 // GraphProto.node
	graphInitializer = 5
	graphInput       = 11
	graphOutput      = 12
	nodeInput        = 1 // NodeProto.input
	nodeOutput       = 2
	nodeName         = 3
	nodeOpType       = 4
	tensorName       = 8 // TensorProto.name
	valueName        = 1 // ValueInfoProto.name
)

// skeleton encodes the structure of g as a small ONNX model for onnx-go: the same nodes and names; initializers
// without payload; no attributes. What a node's sub-graphs capture from outside becomes plain inputs of the node, so
// that every dependency is an edge. onnx-go would make one shared value of all missing optional inputs, so these
// get names of their own.
func skeleton(g *onnx.Graph) []byte {
	var out []byte
	for i := range g.Nodes {
		n := &g.Nodes[i]
		var node []byte
		for slot, name := range n.Inputs {
			if name == "" {
				name = fmt.Sprintf("\x00missing %d.%d", i, slot)
			}
			node = appendText(node, nodeInput, name)
		}
		for _, name := range captured(n) {
			if !slices.Contains(n.Inputs, name) {
				node = appendText(node, nodeInput, name)
			}
		}
		for _, name := range n.Outputs {
			if name != "" {
				node = appendText(node, nodeOutput, name)
			}
		}
		// onnx-go invents an input for a node that has none and names it after the node, so the name must be unique.
		node = appendText(node, nodeName, fmt.Sprintf("\x00node %d", i))
		node = appendText(node, nodeOpType, n.OpType)
		out = appendMessage(out, graphNode, node)
	}
	for name := range g.Initializers() {
		out = appendMessage(out, graphInitializer, appendText(nil, tensorName, name))
	}
	for _, v := range g.Inputs {
		out = appendMessage(out, graphInput, appendText(nil, valueName, v.Name))
	}
	for _, v := range g.Outputs {
		out = appendMessage(out, graphOutput, appendText(nil, valueName, v.Name))
	}
	return appendMessage(nil, modelGraph, out)
}

// captured returns the values that the sub-graphs of n take from outside, in the order of their first use.
func captured(n *onnx.Node) []string {
	var names []string
	for _, g := range n.Subgraphs {
		for _, name := range free(g) {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// free returns the names that g uses and does not define.
func free(g *onnx.Graph) []string {
	defined := map[string]bool{"": true}
	var names []string
	use := func(name string) {
		if !defined[name] {
			defined[name] = true
			names = append(names, name)
		}
	}
	for name := range g.Initializers() {
		defined[name] = true
	}
	for _, v := range g.Inputs {
		defined[v.Name] = true
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		for _, name := range n.Inputs {
			use(name)
		}
		for _, name := range captured(n) {
			use(name)
		}
		for _, name := range n.Outputs {
			defined[name] = true
		}
	}
	for _, v := range g.Outputs {
		use(v.Name)
	}
	return names
}

func appendText(b []byte, num protowire.Number, text string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, num, protowire.BytesType), text)
}

func appendMessage(b []byte, num protowire.Number, message []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), message)
}
