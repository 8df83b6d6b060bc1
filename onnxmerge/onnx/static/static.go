// Package static finds vectors that a graph computes from stored tensors alone, such as the scale of a normalisation,
// gamma / sqrt(variance + epsilon), and evaluates them. Some exporters write such operators, others store the result.
// [Vectors.View] returns a model in which the results are stored.
//
// Known are operators of the main graph that calculate element by element or only reshape, on tensors of at most 65,536
// elements with at most one axis longer than 1. An expression has at most 64 operators.
package static

import (
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

const (
	maxElements = 1 << 16 // of a vector
	maxDepth    = 64      // operators of an expression, with repetitions
)

// Vectors are the computed vectors of a model that other operators use.
type Vectors struct {
	model *onnx.Model
	known map[string]*Vector
	roots []*Vector // in the order of their operators
}

// View is a model with stored vectors in place of what computes them. It can be read, not written.
type View struct {
	Model *onnx.Model
	// Computed has the vectors of those of its tensors that are computed in the file.
	Computed map[*onnx.Tensor]*Vector
	// Consumed are the tensors of the file that only computed vectors use. The view does not have them.
	Consumed []*onnx.Tensor
}

// Find finds the vectors of a model. It reads no payloads of floating-point tensors.
func Find(m *onnx.Model) (*Vectors, error) {
	x := &Vectors{model: m, known: map[string]*Vector{}}
	var computed []*Vector
	for i := range m.Graph.Nodes {
		v, err := x.visit(&m.Graph.Nodes[i])
		if err != nil {
			return nil, err
		}
		if v != nil {
			x.known[v.Name] = v
			computed = append(computed, v)
		}
	}
	used := map[string]bool{}
	for g := range m.Bodies() {
		for i := range g.Nodes {
			if n := &g.Nodes[i]; g != m.Graph || !x.computes(n) {
				for _, in := range n.Inputs {
					used[in] = true
				}
			}
		}
	}
	for _, v := range computed {
		if used[v.Name] && v.isSum && len(v.Vectors()) > 0 && v.Len() > 1 {
			x.roots = append(x.roots, v)
		}
	}
	return x, nil
}

// computes reports whether the node's result is a known vector.
func (x *Vectors) computes(n *onnx.Node) bool {
	if len(n.Outputs) != 1 {
		return false
	}
	v := x.known[n.Outputs[0]]
	return v != nil && v.Tensor == nil
}

// All returns the vectors, in the order of their operators.
func (x *Vectors) All() []*Vector { return x.roots }

// Keep removes the vectors for which f is false; they remain computed in the view.
func (x *Vectors) Keep(f func(*Vector) bool) {
	x.roots = slices.DeleteFunc(x.roots, func(v *Vector) bool { return !f(v) })
}

// View returns the view of the model; nil without vectors. If own is set, vectors of which a leaf of more than one
// element has another use are left out.
func (x *Vectors) View(own bool) *View {
	for len(x.roots) > 0 {
		nodes, uses := x.remaining()
		before := len(x.roots)
		if own {
			x.Keep(func(v *Vector) bool {
				return !slices.ContainsFunc(v.Vectors(), func(t *onnx.Tensor) bool { return uses[t.Name] > 0 })
			})
		}
		if len(x.roots) == before {
			return x.view(nodes, uses)
		}
	}
	return nil
}

// remaining returns the operators of the main graph without those that only compute vectors, and how many operators and
// outputs use each name then.
func (x *Vectors) remaining() (nodes []onnx.Node, uses map[string]int) {
	uses = map[string]int{}
	for g := range x.model.Bodies() {
		for i := range g.Nodes {
			for _, in := range g.Nodes[i].Inputs {
				uses[in]++
			}
		}
		for _, out := range g.Outputs {
			uses[out.Name]++
		}
	}
	stored := map[string]bool{}
	for _, v := range x.roots {
		stored[v.Name] = true
	}
	all := x.model.Graph.Nodes
	for i := len(all) - 1; i >= 0; i-- {
		n := &all[i]
		if x.computes(n) && (stored[n.Outputs[0]] || uses[n.Outputs[0]] == 0) {
			for _, in := range n.Inputs {
				uses[in]--
			}
			continue
		}
		nodes = append(nodes, *n)
	}
	slices.Reverse(nodes)
	return nodes, uses
}

// view makes the view.
func (x *Vectors) view(nodes []onnx.Node, uses map[string]int) *View {
	w := &View{Computed: map[*onnx.Tensor]*Vector{}}
	leaves := map[*onnx.Tensor]bool{}
	var made []*onnx.Tensor
	for _, v := range x.roots {
		t := onnx.NewTensor(v.Name, x.model.Graph.Scope, v.DType, v.Dims, v.reader())
		w.Computed[t] = v
		made = append(made, t)
		for _, leaf := range v.leaves {
			leaves[leaf] = true
		}
	}
	var tensors []*onnx.Tensor
	for _, t := range x.model.Tensors {
		if leaves[t] && uses[t.Name] == 0 {
			w.Consumed = append(w.Consumed, t)
		} else {
			tensors = append(tensors, t)
		}
	}
	w.Model = x.model.Derive(nodes, slices.Concat(tensors, made))
	return w
}

// reader returns a reader of the vector's payload.
func (v *Vector) reader() func(dst []byte, off int64) error {
	return func(dst []byte, off int64) error {
		values, err := v.Evaluate(nil)
		if err != nil {
			return err
		}
		codec, _ := v.DType.Codec()
		data := make([]byte, codec.SizeBytes(len(values)))
		codec.Encode(data, values)
		copy(dst, data[off:])
		return nil
	}
}
