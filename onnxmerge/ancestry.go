package onnxmerge

import (
	"slices"
	"strings"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
)

// ancestry finds what a value of a model's main graph is computed from.
type ancestry struct {
	model  *onnx.Model
	values *flow.Graph
	live   map[string]bool           // values that depend on an input
	scopes map[string][]*onnx.Tensor // tensors of bodies and functions
}

func newAncestry(m *onnx.Model) (*ancestry, error) {
	values, err := flow.New(m)
	if err != nil {
		return nil, err
	}
	a := &ancestry{model: m, values: values, scopes: map[string][]*onnx.Tensor{}}
	var inputs []string
	for _, in := range m.Graph.Inputs {
		inputs = append(inputs, in.Name)
	}
	a.live = values.Downstream(inputs...)
	for _, t := range m.Tensors {
		if t.Scope != m.Graph.Scope {
			a.scopes[t.Scope] = append(a.scopes[t.Scope], t)
		}
	}
	return a, nil
}

// upstream returns the names of all values that values are computed from without one of those to stop at.
func (a *ancestry) upstream(values, stop []string) map[string]bool {
	if len(stop) == 0 {
		return a.values.Upstream(values...)
	}
	made := map[string]*onnx.Node{}
	for i := range a.model.Graph.Nodes {
		for _, out := range a.model.Graph.Nodes[i].Outputs {
			made[out] = &a.model.Graph.Nodes[i]
		}
	}
	seen, names := map[string]bool{}, map[string]bool{}
	for _, name := range stop {
		seen[name] = true
	}
	open := slices.Clone(values)
	for len(open) > 0 {
		name := open[len(open)-1]
		open = open[:len(open)-1]
		if seen[name] {
			continue
		}
		seen[name], names[name] = true, true
		if n := made[name]; n != nil {
			open = append(open, flow.Sources(n)...)
		}
	}
	return names
}

// nodes calls f with every operator of the main graph that computes one of the values.
func (a *ancestry) nodes(names map[string]bool, f func(*onnx.Node)) {
	for i := range a.model.Graph.Nodes {
		n := &a.model.Graph.Nodes[i]
		if slices.ContainsFunc(n.Outputs, func(out string) bool { return names[out] }) {
			f(n)
		}
	}
}

// tensors returns the tensors that values depend on otherwise than through the values to stop at, those of bodies and
// functions included.
func (a *ancestry) tensors(values []string, stop ...string) map[*onnx.Tensor]bool {
	found := map[*onnx.Tensor]bool{}
	names := a.upstream(values, stop)
	for name := range names {
		if t := a.model.LookupIn(a.model.Graph.Scope, name); t != nil {
			found[t] = true
		}
	}
	if len(a.scopes) == 0 {
		return found
	}
	a.nodes(names, func(n *onnx.Node) {
		for _, body := range n.Subgraphs {
			for _, t := range inBody(body, a.scopes) {
				found[t] = true
			}
		}
		function := "functions/" + n.Domain + "." + n.OpType
		for scope, tensors := range a.scopes {
			if scope == function || strings.HasPrefix(scope, function+"/") {
				for _, t := range tensors {
					found[t] = true
				}
			}
		}
	})
	return found
}

// selective are operators whose result is not continuous in their operands.
var selective = map[string]bool{
	"TopK": true, "ArgMax": true, "ArgMin": true, "NonZero": true, "NonMaxSuppression": true, "Unique": true,
	"Round": true, "Floor": true, "Ceil": true, "Sign": true, "Hardmax": true,
	"Less": true, "Greater": true, "LessOrEqual": true, "GreaterOrEqual": true,
	"QuantizeLinear": true, "DynamicQuantizeLinear": true,
	"If": true, "Loop": true, "Scan": true, // such as farthest point sampling
}

// isSelective reports whether values depend on a selective operator that depends on an input.
func (a *ancestry) isSelective(values []string) bool {
	found := false
	a.nodes(a.values.Upstream(values...), func(n *onnx.Node) {
		isLive := slices.ContainsFunc(n.Outputs, func(out string) bool { return a.live[out] })
		found = found || selective[n.Op()] && isLive
	})
	for _, f := range a.model.Functions {
		found = found || slices.ContainsFunc(f.Nodes, func(n onnx.Node) bool { return selective[n.Op()] })
	}
	return found
}
