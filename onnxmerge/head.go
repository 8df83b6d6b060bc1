package onnxmerge

import (
	"maps"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
	"github.com/wiseft/wiseft/onnxmerge/onnx/surgery"
	"github.com/wiseft/wiseft/onnxmerge/pair"
)

// head is the head of the fine-tuned model: the operators behind the last weight that both models have, which take
// weights of the fine-tuned model alone and from whose results no merged weight's operator is reached.
type head struct {
	weights map[*onnx.Tensor]bool
	inputs  []string // values of the backbone that it consumes, sorted
}

// findHead finds the head of a model. backbone are the weights that both models have.
func findHead(m *onnx.Model, backbone map[*onnx.Tensor]bool) (head, error) {
	if !slices.ContainsFunc(m.Tensors, func(t *onnx.Tensor) bool { return isWeight(t) && !backbone[t] }) {
		return head{}, nil // every weight is of the backbone
	}
	f, err := newWeightFlow(m)
	if err != nil {
		return head{}, err
	}
	trunk := f.trunk(m, backbone)
	before := f.values.Upstream(trunk...)
	made := map[string]bool{} // by the head
	weights := map[*onnx.Tensor]bool{}
	inputs := map[string]bool{}
	for i := range m.Graph.Nodes {
		n := &m.Graph.Nodes[i]
		operands := flow.Sources(n)
		own := f.weights(n)
		if slices.ContainsFunc(n.Outputs, func(out string) bool { return before[out] }) || !f.live(n) ||
			!slices.ContainsFunc(own, func(t *onnx.Tensor) bool { return !backbone[t] }) &&
				!slices.ContainsFunc(operands, func(name string) bool { return made[name] }) {
			continue
		}
		for _, out := range n.Outputs {
			made[out] = true
		}
		for _, t := range own {
			weights[t] = true
		}
		for _, name := range operands {
			if f.fromInput[name] && !made[name] {
				inputs[name] = true
			}
		}
	}
	return head{weights, slices.Sorted(maps.Keys(inputs))}, nil
}

// weightFlow has the weights that each operator of a model takes, directly or through operators on weights alone, such
// as the Transpose of one.
type weightFlow struct {
	values    *flow.Graph
	fromInput map[string]bool           // values that depend on the model's inputs
	reach     map[string][]*onnx.Tensor // weights by the values that are made of weights alone
	inside    map[*onnx.Node][]*onnx.Tensor
}

func newWeightFlow(m *onnx.Model) (*weightFlow, error) {
	values, err := flow.New(m)
	if err != nil {
		return nil, err
	}
	f := &weightFlow{values: values, reach: map[string][]*onnx.Tensor{}, inside: map[*onnx.Node][]*onnx.Tensor{}}
	var inputs []string
	for _, in := range m.Graph.Inputs {
		if m.LookupIn(m.Graph.Scope, in.Name) == nil {
			inputs = append(inputs, in.Name)
		}
	}
	f.fromInput = values.Downstream(inputs...)
	scopes := map[string][]*onnx.Tensor{}
	for _, t := range m.Tensors {
		switch {
		case !isWeight(t):
		case t.Scope == m.Graph.Scope:
			f.reach[t.Name] = []*onnx.Tensor{t}
		default:
			scopes[t.Scope] = append(scopes[t.Scope], t)
		}
	}
	for i := range m.Graph.Nodes {
		n := &m.Graph.Nodes[i]
		for _, body := range n.Subgraphs {
			f.inside[n] = append(f.inside[n], inBody(body, scopes)...)
		}
		if f.live(n) {
			continue
		}
		for _, out := range n.Outputs {
			f.reach[out] = append(f.reach[out], f.weights(n)...)
		}
	}
	return f, nil
}

// trunk returns the operands and results of operators with matrices of the backbone, and of operators that add a vector
// to such a result or scale it: a layer's own bias belongs to the layer. Other vectors may be similar by chance.
func (f *weightFlow) trunk(m *onnx.Model, backbone map[*onnx.Tensor]bool) []string {
	var trunk []string
	results := map[string]bool{} // of layers
	for i := range m.Graph.Nodes {
		n := &m.Graph.Nodes[i]
		own := f.weights(n)
		if moving[n.Op()] && len(n.Inputs) > 0 && results[n.Inputs[0]] {
			for _, out := range n.Outputs {
				results[out] = true
			}
			continue
		}
		isLayer := slices.ContainsFunc(own, func(t *onnx.Tensor) bool { return backbone[t] && isMatrix(t) })
		isOfLayer := elementwise[n.Op()] && len(own) > 0 && !slices.ContainsFunc(own, isMatrix) &&
			slices.ContainsFunc(n.Inputs, func(name string) bool { return results[name] })
		if !f.live(n) || !isLayer && !isOfLayer {
			continue
		}
		trunk = append(append(trunk, flow.Sources(n)...), n.Outputs...)
		for _, out := range n.Outputs {
			results[out] = true
		}
	}
	return trunk
}

// moving are the operators that exporters write between a layer and its bias.
var moving = map[string]bool{"Transpose": true, "Reshape": true, "Squeeze": true, "Unsqueeze": true, "Identity": true,
	"Cast": true}

// elementwise are the operators that exporters write for a layer's bias, scale and normalisation.
var elementwise = map[string]bool{"Add": true, "Sub": true, "Mul": true, "Div": true, "BatchNormalization": true}

// inBody returns the tensors of a body and of those inside of it.
func inBody(g *onnx.Graph, scopes map[string][]*onnx.Tensor) []*onnx.Tensor {
	tensors := slices.Clone(scopes[g.Scope])
	for i := range g.Nodes {
		for _, body := range g.Nodes[i].Subgraphs {
			tensors = append(tensors, inBody(body, scopes)...)
		}
	}
	return tensors
}

// live reports whether the operator's result depends on the model's inputs.
func (f *weightFlow) live(n *onnx.Node) bool {
	return slices.ContainsFunc(n.Outputs, func(out string) bool { return f.fromInput[out] })
}

// weights returns the weights that an operator takes.
func (f *weightFlow) weights(n *onnx.Node) []*onnx.Tensor {
	tensors := slices.Clone(f.inside[n])
	for _, name := range flow.Sources(n) {
		tensors = append(tensors, f.reach[name]...)
	}
	return tensors
}

// decideBackbone decides the tensors behind the backbone.
func (p *planner) decideBackbone() error {
	if p.opt.BackboneOutput != "" {
		return p.decideBehind(p.opt.BackboneOutput)
	}
	return p.decideHead()
}

// decideHead copies refused weights of the head: weights of another shape than their counterpart, or not similar to it,
// with no merged weight behind them. It sets the backbone.
func (p *planner) decideHead() error {
	if merged, _ := p.count(Merge); merged == 0 {
		return nil // nothing in common: no head either
	}
	backbone := map[*onnx.Tensor]bool{}
	for _, d := range p.decisions {
		refused := d.Action == Refuse && !d.headLike && !d.displaced
		kept := d.Action == Copy && (d.Reason == reasonNotSelected || strings.HasPrefix(d.Reason, foldKept))
		backbone[d.b] = isWeight(d.b) && (d.Action == Merge || refused || kept)
	}
	h, err := findHead(p.finetuned, backbone)
	if err != nil {
		return err
	}
	if len(h.inputs) == 1 {
		p.backbone.Output = h.inputs[0]
	}
	displaced := 0 // one layer may be a head; several indicate a backbone in another export
	for _, d := range p.decisions {
		if d.displaced && h.has(d.b) && !pair.IsVector(d.Dims) {
			displaced++
		}
	}
	for i := range p.decisions {
		d := &p.decisions[i]
		if !h.has(d.b) {
			continue
		}
		p.backbone.Head = append(p.backbone.Head, d.Tensor)
		if d.Action == Refuse && (d.headLike || displaced <= 1) {
			d.Action, d.Reason = Copy, "another head: "+d.Reason
			if d.displaced {
				d.kind = contested
			}
		}
	}
	return nil
}

func (h head) has(t *onnx.Tensor) bool { return h.weights[t] }

// decideBehind copies all weights that the backbone's output, as named by the user, does not depend on.
func (p *planner) decideBehind(output string) error {
	if !p.finetuned.Graph.Computes(output) {
		return &surgery.UnknownTensorError{Tensor: output, Reason: "not computed by the fine-tuned model"}
	}
	f, err := newWeightFlow(p.finetuned)
	if err != nil {
		return err
	}
	before := f.values.Upstream(output)
	inBackbone := map[*onnx.Tensor]bool{}
	for i := range p.finetuned.Graph.Nodes {
		n := &p.finetuned.Graph.Nodes[i]
		if f.live(n) && slices.ContainsFunc(n.Outputs, func(out string) bool { return before[out] }) {
			for _, t := range f.weights(n) {
				inBackbone[t] = true
			}
		}
	}
	p.backbone.Output = output
	for i := range p.decisions {
		d := &p.decisions[i]
		if isWeight(d.b) && !inBackbone[d.b] {
			d.Action, d.Reason = Copy, "behind the backbone's output"
			p.backbone.Head = append(p.backbone.Head, d.Tensor)
		}
	}
	return nil
}

func isMatrix(t *onnx.Tensor) bool { return isWeight(t) && !pair.IsVector(t.Dims) }
