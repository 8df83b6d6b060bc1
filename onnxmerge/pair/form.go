package pair

import (
	"strings"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// form is a model as pairing sees it: which operators take weights, and how what they
// compute flows from one to the next. Everything that has no weights and one source,
// such as an activation, a reshape, or the parts into which an exporter takes a GELU,
// is seen through, because exporters spell it differently.
type form struct {
	ops  []*op  // each after those whose results it takes
	uses []*use // in the order of their operators
}

// value is what flows along an edge of the form.
type value struct {
	kind   kind
	view   view   // of a weight
	up     uint64 // colour of all that leads to it
	root   *value // the value that it is made from by what is seen through; nil if it is that itself
	op     *op    // that computes it; nil for what enters a graph
	takers []taker
}

// from returns the value's root.
func (v *value) from() *value {
	if v.root == nil {
		return v
	}
	return v.root
}

type kind int

const (
	data     kind = iota
	constant      // does not depend on an input, nor on a weight
	weight        // a tensor as it is stored, or as a view of it
)

// view is a weight with its axes in another order.
type view struct {
	tensor *onnx.Tensor
	perm   []int   // of the tensor's axes
	shape  []int64 // as seen
}

// taker is an operator that takes a value, and as which of its operands.
type taker struct {
	op   *op
	slot int
}

// op is an operator of the form.
type op struct {
	name  string
	index int        // in its form
	node  *onnx.Node // that it is made from
	ins   []*value   // data operands, in order
	uses  []*use     // weights with more than one element
	ones  []*use     // weights with one element
	out   *value
	// bounded says that the operator is never seen through: it is an edge of a body.
	bounded bool
	// through says that the operator is seen through: it has no weights, and all its
	// data has one source.
	through bool
	// norm is the BatchNormalization behind the operator, nil if there is none. Exporters
	// fold it into the operator's weights, and then these are other weights.
	norm *norm
	// anchor is the colour of what the operator computes where that is known by other
	// means than by what leads to it; 0 elsewhere.
	anchor uint64
	down   map[int]uint64 // colours of what follows, by horizon
}

// use is a weight where an operator takes it.
type use struct {
	view
	op     *op
	role   int // the operand, -1 where the operator does not distinguish
	colour uint64
}

// commutative operators do not distinguish their operands.
var commutative = map[string]bool{"Add": true, "Mul": true, "Sum": true, "Max": true, "Min": true, "Mean": true,
	"And": true, "Or": true, "Xor": true, "Equal": true}

// aliases hand on their first input.
var aliases = map[string]bool{"Identity": true, "Dropout": true}

// add adds an operator with the given operands, nil for those that are missing, and
// returns what it computes.
func (f *form) add(o *op, ins []*value) *value {
	for slot, in := range ins {
		if in == nil || in.kind == constant {
			continue
		}
		if in.kind == data {
			in.takers = append(in.takers, taker{o, len(o.ins)})
			o.ins = append(o.ins, in)
			continue
		}
		u := &use{view: in.view, op: o, role: slot}
		if commutative[o.name] {
			u.role = -1
		}
		if in.view.tensor.Len() == 1 {
			o.ones = append(o.ones, u)
			continue
		}
		o.uses = append(o.uses, u)
	}
	if len(o.ins)+len(o.uses)+len(o.ones) == 0 && !o.bounded {
		return &value{kind: constant}
	}
	o.out = &value{op: o}
	if o.isThrough() {
		o.through = true
		o.out.root = o.ins[0].from()
	}
	o.index = len(f.ops)
	f.ops = append(f.ops, o)
	f.uses = append(append(f.uses, o.uses...), o.ones...)
	return o.out
}

// isThrough reports whether the operator has no weights but a bias, and whether all its
// data is made from one value.
func (o *op) isThrough() bool {
	if o.bounded || len(o.ins) == 0 || o.hasWeights() {
		return false
	}
	for _, in := range o.ins {
		if in.from() != o.ins[0].from() {
			return false
		}
	}
	return true
}

// hasWeights reports whether the operator has weights that tell what it computes.
func (o *op) hasWeights() bool {
	for _, u := range o.uses {
		if !u.isBias() {
			return true
		}
	}
	return false
}

// isBias reports whether the operator adds the weight to what it computes, or scales
// and shifts it by channel as BatchNormalization does. Exporters leave these out, put in
// zeros or fold them, so they have a colour and give none.
func (u *use) isBias() bool {
	o := u.op
	switch {
	case o.name == batchNorm:
		return true
	case o.name != "Add":
		return u.role == 2 && strings.HasPrefix(o.name, "Conv")
	}
	return IsVector(u.shape) && len(o.uses) == 1 && len(o.ins) == 1
}

// transposed returns the view with its axes in the order of perm, reversed if it is nil.
func (v *value) transposed(perm []int64) *value {
	n := len(v.view.shape)
	if perm == nil {
		for i := range n {
			perm = append(perm, int64(n-1-i))
		}
	}
	if len(perm) != n || len(v.view.perm) != n {
		return &value{kind: weight, view: view{tensor: v.view.tensor}}
	}
	out := view{tensor: v.view.tensor, shape: make([]int64, n), perm: make([]int, n)}
	for i, p := range perm {
		if p < 0 || int(p) >= n {
			return &value{kind: weight, view: view{tensor: v.view.tensor}}
		}
		out.shape[i], out.perm[i] = v.view.shape[p], v.view.perm[p]
	}
	return &value{kind: weight, view: out}
}
