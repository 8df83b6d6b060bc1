package mapping

import (
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// use is a place where an operator reads a tensor.
type use struct {
	graph *onnx.Graph
	node  int    // index into graph.Nodes
	slot  int    // index into the operator's inputs
	name  string // as the operator reads it: the tensor's, or that of an Identity behind it
}

// operand is a use by an operator that computes.
type operand struct {
	graph *onnx.Graph
	node  *onnx.Node
	slot  int
}

// graphUses has the uses of all tensors of a model.
type graphUses struct {
	model     *onnx.Model
	byTensor  map[*onnx.Tensor][]use
	consumers map[*onnx.Graph]map[string][]operand
	outputs   map[*onnx.Tensor]bool // that a graph returns
}

// moving are operators that only rearrange their first operand, or join operands.
var moving = map[string]bool{"Identity": true, "Transpose": true, "Reshape": true, "Squeeze": true, "Unsqueeze": true,
	"Cast": true, "Flatten": true, "Slice": true, "Concat": true, "Split": true, "Expand": true}

func findUses(m *onnx.Model) *graphUses {
	u := &graphUses{model: m, byTensor: map[*onnx.Tensor][]use{}, consumers: map[*onnx.Graph]map[string][]operand{},
		outputs: map[*onnx.Tensor]bool{}}
	for g := range m.Bodies() {
		by := map[string][]operand{}
		u.consumers[g] = by
		for i := range g.Nodes {
			for slot, name := range g.Nodes[i].Inputs {
				if name != "" {
					by[name] = append(by[name], operand{g, &g.Nodes[i], slot})
				}
			}
		}
		for i := range g.Nodes {
			n := &g.Nodes[i]
			if n.OpType == "Identity" {
				continue // its consumers read the tensor
			}
			for slot, name := range n.Inputs {
				if t := u.behindIdentity(g, name); t != nil {
					u.byTensor[t] = append(u.byTensor[t], use{g, i, slot, name})
				}
			}
		}
		for _, out := range g.Outputs {
			if t := u.behindIdentity(g, out.Name); t != nil {
				u.outputs[t] = true
			}
		}
	}
	return u
}

func (u *graphUses) of(t *onnx.Tensor) []use { return u.byTensor[t] }

// behindIdentity returns the tensor that a name stands for, directly or through Identities; nil if it is computed.
func (u *graphUses) behindIdentity(g *onnx.Graph, name string) *onnx.Tensor {
	return u.resolve(g, name, func(n *onnx.Node) bool { return n.OpType == "Identity" })
}

// tensor returns the tensor that a name stands for, directly or through operators that move elements.
func (u *graphUses) tensor(g *onnx.Graph, name string) *onnx.Tensor {
	return u.resolve(g, name, func(n *onnx.Node) bool { return moving[n.OpType] })
}

func (u *graphUses) resolve(g *onnx.Graph, name string, through func(*onnx.Node) bool) *onnx.Tensor {
	for range 16 {
		if name == "" {
			return nil
		}
		t, n, in := u.model.Resolve(g, name)
		if t != nil {
			return t
		}
		if n == nil || !through(n) || len(n.Inputs) == 0 {
			return nil
		}
		g, name = in, n.Inputs[0]
	}
	return nil
}

// operands returns the operators that compute with what a use reads, behind those that move elements.
func (u *graphUses) operands(x use) []operand {
	var found []operand
	u.follow(operand{x.graph, &x.graph.Nodes[x.node], x.slot}, &found, 0)
	return found
}

func (u *graphUses) follow(at operand, found *[]operand, depth int) {
	if !moving[at.node.OpType] || depth > 8 {
		*found = append(*found, at)
		return
	}
	for _, out := range at.node.Outputs {
		for _, next := range u.consumers[at.graph][out] {
			u.follow(next, found, depth+1)
		}
	}
}

// neighbours returns the tensors that belong to the same layer as an operand: the other operands of its operator; for a
// product or sum, those of the linear operator or normalisation before it; and the term or factor that is applied next.
func (u *graphUses) neighbours(o operand) []*onnx.Tensor {
	var found []*onnx.Tensor
	add := func(g *onnx.Graph, n *onnx.Node, but int) {
		for slot, name := range n.Inputs {
			if t := u.tensor(g, name); slot != but && t != nil && t.DType.IsFloat() && t.Len() > 1 && !slices.Contains(found, t) {
				found = append(found, t)
			}
		}
	}
	add(o.graph, o.node, o.slot)
	if affine[o.node.OpType] {
		for slot, name := range o.node.Inputs {
			if before := u.before(o.graph, name); slot != o.slot && before != nil && layers[before.OpType] {
				add(o.graph, before, -1)
			}
		}
	}
	if layers[o.node.OpType] && len(o.node.Outputs) > 0 {
		for _, next := range u.consumers[o.graph][o.node.Outputs[0]] {
			if affine[next.node.OpType] {
				add(o.graph, next.node, next.slot)
			}
		}
	}
	return found
}

// affine are the operators by which a bias or a factor is applied; layers those whose result they are applied to.
var (
	affine = map[string]bool{"Add": true, "Mul": true}
	layers = map[string]bool{"MatMul": true, "Gemm": true, "Conv": true, "ConvTranspose": true, "Mul": true, "Einsum": true,
		"LayerNormalization": true, "InstanceNormalization": true, "GroupNormalization": true}
)

// before returns the operator that computes a value, behind those that move elements.
func (u *graphUses) before(g *onnx.Graph, name string) *onnx.Node {
	n := g.Producer(name)
	for range 8 {
		if n == nil || !moving[n.OpType] || len(n.Inputs) == 0 {
			return n
		}
		n = g.Producer(n.Inputs[0])
	}
	return nil
}
