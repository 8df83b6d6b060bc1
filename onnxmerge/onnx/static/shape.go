package static

import (
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/internal/dims"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// visit returns the vector that a node computes; nil if it computes none that is known.
func (x *Vectors) visit(n *onnx.Node) (*Vector, error) {
	if len(n.Outputs) != 1 || len(n.Inputs) == 0 || len(n.Subgraphs) > 0 {
		return nil, nil
	}
	v := &Vector{Name: n.Outputs[0], op: n.Op()}
	_, v.isSum = functions[v.op]
	operands := n.Inputs
	if !v.isSum {
		operands = n.Inputs[:1]
	}
	depth := 1
	for _, name := range operands {
		in := x.operand(name)
		if in == nil || v.DType != 0 && in.DType != v.DType {
			return nil, nil
		}
		v.ins, v.DType, v.isSum = append(v.ins, in), in.DType, v.isSum || in.isSum
		depth += in.size()
		for _, leaf := range in.leaves {
			if !slices.Contains(v.leaves, leaf) {
				v.leaves = append(v.leaves, leaf)
			}
		}
	}
	if depth > maxDepth {
		return nil, nil
	}
	dims, err := x.shape(n, v)
	if err != nil || !isVector(dims) {
		return nil, err
	}
	v.Dims = dims
	return v, nil
}

// size returns the number of operators of the expression.
func (v *Vector) size() int {
	n := 0
	if v.Tensor == nil {
		n = 1
	}
	for _, in := range v.ins {
		n += in.size()
	}
	return n
}

// operand returns the vector of a name; nil if it is none.
func (x *Vectors) operand(name string) *Vector {
	if v := x.known[name]; v != nil {
		return v
	}
	t := x.model.LookupIn(x.model.Graph.Scope, name)
	if t == nil || !t.DType.IsFloat() || t.DType.Bits() < 16 || !t.Readable() || t.Indices != nil {
		return nil
	}
	dims := append([]int64{}, t.Dims...)
	if !isVector(dims) {
		return nil
	}
	if _, ok := t.DType.Codec(); !ok {
		return nil
	}
	v := &Vector{Name: name, DType: t.DType, Dims: dims, Tensor: t, leaves: []*onnx.Tensor{t}}
	x.known[name] = v
	return v
}

// isVector reports whether a shape has elements, at most maxElements, and at most one axis longer than 1. A
// single number has no axes; nil is an unknown shape.
func isVector(dims []int64) bool {
	if dims == nil {
		return false
	}
	long := 0
	for _, d := range dims {
		if d < 1 || d > maxElements {
			return false
		}
		if d > 1 {
			long++
		}
	}
	return long <= 1
}

// shape returns the shape of a node's result; nil if it is not known or if the operator is none that is evaluated. v has
// the operands.
func (x *Vectors) shape(n *onnx.Node, v *Vector) ([]int64, error) {
	in := v.ins[0].Dims
	f, calculates := functions[v.op]
	switch {
	case calculates && f.unary != nil && len(v.ins) == 1:
		return in, nil
	case calculates && f.binary != nil && len(v.ins) == 2:
		return broadcast(in, v.ins[1].Dims), nil
	case calculates:
		return nil, nil
	case v.op == "Identity":
		return in, nil
	case v.op == "Transpose":
		return transposed(in, n.Ints["perm"]), nil
	}
	list, err := x.integers(n)
	switch {
	case err != nil:
		return nil, err
	case v.op == "Squeeze" && (list != nil || len(n.Inputs) == 1):
		return dims.Squeezed(in, list), nil
	case list == nil:
		return nil, nil
	case v.op == "Reshape":
		return dims.Reshaped(in, list, len(n.Ints["allowzero"]) == 1 && n.Ints["allowzero"][0] != 0), nil
	case v.op == "Unsqueeze":
		return dims.Unsqueezed(in, list), nil
	}
	return nil, nil
}

// integers returns the axes or the shape that a node has as an attribute or as its second operand; nil if it has none or
// if it is not stored.
func (x *Vectors) integers(n *onnx.Node) ([]int64, error) {
	for _, name := range []string{"axes", "shape"} {
		if list := n.Ints[name]; list != nil {
			return list, nil
		}
	}
	if len(n.Inputs) < 2 {
		return nil, nil
	}
	t := x.model.LookupIn(x.model.Graph.Scope, n.Inputs[1])
	if t == nil || t.DType != onnx.Int64 || !t.Readable() || t.Len() > 16 {
		return nil, nil
	}
	return t.Integers()
}

// broadcast returns the shape that two shapes give together; nil if they do not fit.
func broadcast(a, b []int64) []int64 {
	rank := max(len(a), len(b))
	dims := make([]int64, rank)
	for i := range dims {
		x, y := int64(1), int64(1)
		if k := i - rank + len(a); k >= 0 {
			x = a[k]
		}
		if k := i - rank + len(b); k >= 0 {
			y = b[k]
		}
		if x != y && x != 1 && y != 1 {
			return nil
		}
		dims[i] = max(x, y)
	}
	return dims
}

// transposed returns a shape with axis perm[i] as axis i; an empty perm reverses the axes.
func transposed(dims, perm []int64) []int64 {
	out := make([]int64, len(dims))
	for i := range out {
		from := int64(len(dims) - 1 - i)
		if len(perm) == len(dims) {
			from = perm[i]
		} else if len(perm) > 0 {
			return nil
		}
		if from < 0 || from >= int64(len(dims)) {
			return nil
		}
		out[i] = dims[from]
	}
	return out
}
