package onnx

import "slices"

// NewTensor returns a tensor that no file has: its payload, as [Tensor.ReadAt] gives it, is read by a function that is
// called with ranges inside of it. It belongs to a model that was made by [Model.Derive].
func NewTensor(name, scope string, dtype DType, dims []int64, read func(dst []byte, off int64) error) *Tensor {
	return &Tensor{Name: name, Scope: scope, DType: dtype, Dims: dims, payload: made(read)}
}

// made is a payload that a function computes.
type made func(dst []byte, off int64) error

func (m made) readAt(dst []byte, off int64) error { return m(dst, off) }

// Derive returns the model with other operators in its main graph and other tensors, to be read: it cannot be written,
// and m must stay open.
func (m *Model) Derive(nodes []Node, tensors []*Tensor) *Model {
	g := *m.Graph
	g.Nodes, g.names = slices.Clone(nodes), newNames(len(nodes))
	for i := range g.Nodes {
		n := &g.Nodes[i]
		g.names.set(n, g.names.numberAll(n.Inputs), g.names.numberAll(n.Outputs), i)
	}
	d := *m
	d.Graph, d.Tensors, d.byID = &g, slices.Clone(tensors), map[string]*Tensor{}
	for _, t := range tensors {
		d.byID[t.ID()] = t
	}
	d.resolveNames()
	return &d
}
