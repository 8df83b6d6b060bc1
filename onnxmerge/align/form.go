package align

import (
	"encoding/binary"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/onnxmerge/graph"
)

// form is a model as pairing sees it: which operators take weights, and how what they
// compute flows from one to the next. Everything that has no weights and one source,
// such as an activation, a reshape, or the parts into which an exporter takes a GELU,
// is seen through, because exporters spell it differently.
type form struct {
	uses []*use
}

// value is what flows along an edge of the form.
type value struct {
	kind   kind
	view   view   // of a weight
	up     uint64 // colour of all that leads to it
	root   *value // the value that it is made from by what is seen through; nil if it is that itself
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
	tensor *graph.Tensor
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
	name string
	ins  []*value // data operands, in order
	uses []*use   // weights with more than one element
	out  *value
	// through says that the operator is seen through: it has no weights, and all its
	// data has one source.
	through bool
	down    map[int]uint64 // colours of what follows, by horizon
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
func (f *form) add(name string, ins []*value) *value {
	o := &op{name: name, down: map[int]uint64{}}
	var scalars []*use
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
		if commutative[name] {
			u.role = -1
		}
		if in.view.tensor.Len() == 1 {
			scalars = append(scalars, u)
			continue
		}
		o.uses = append(o.uses, u)
	}
	if len(o.ins) == 0 && len(o.uses) == 0 && len(scalars) == 0 {
		return &value{kind: constant}
	}
	o.out = &value{up: o.colour()}
	if o.through {
		o.out.root = o.ins[0].from()
	}
	for _, u := range append(o.uses, scalars...) {
		u.colour = hashOf("use in "+name, o.out.up, uint64(int64(u.role)), u.shapeHash())
		f.uses = append(f.uses, u)
	}
	return o.out
}

// colour is the colour of what the operator computes. Operators that are seen through
// have the colour of their data.
func (o *op) colour() uint64 {
	if o.isThrough() {
		o.through = true
		return o.ins[0].up
	}
	ups := make([]uint64, len(o.ins))
	for i, in := range o.ins {
		ups[i] = in.up
	}
	if commutative[o.name] {
		slices.Sort(ups)
	}
	h := hashOf(o.name)
	for _, up := range ups {
		h = hashOf("operand", h, up)
	}
	var shapes []uint64
	for _, u := range o.uses {
		if !o.isBias(u) {
			shapes = append(shapes, hashOf("weight", uint64(int64(u.role)), u.shapeHash()))
		}
	}
	if commutative[o.name] {
		slices.Sort(shapes)
	}
	for _, s := range shapes {
		h = hashOf("operand", h, s)
	}
	return h
}

// isThrough reports whether the operator has no weights but a bias, and whether all its
// data is made from one value.
func (o *op) isThrough() bool {
	if len(o.ins) == 0 || slices.ContainsFunc(o.uses, func(u *use) bool { return !o.isBias(u) }) {
		return false
	}
	for _, in := range o.ins {
		if in.from() != o.ins[0].from() {
			return false
		}
	}
	return true
}

// isBias reports whether the operator adds the weight to what it computes. Exporters
// leave out biases or put in zeros, so they have a colour and give none.
func (o *op) isBias(u *use) bool {
	if o.name != "Add" {
		return u.role == 2 && strings.HasPrefix(o.name, "Conv")
	}
	long := 0
	for _, d := range u.shape {
		if d != 1 {
			long++
		}
	}
	return long <= 1 && len(o.uses) == 1 && len(o.ins) == 1
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

// shapeHash is the same for shapes that differ in axes of length 1 only.
func (v view) shapeHash() uint64 {
	h := hashOf(v.tensor.DType.String())
	for _, d := range v.shape {
		if d != 1 {
			h = hashOf("axis", h, uint64(d))
		}
	}
	return h
}

// hashOf makes one colour of a word and numbers. It is the same in every process.
func hashOf(what string, numbers ...uint64) uint64 {
	b := append(make([]byte, 0, 64), what...)
	for _, n := range numbers {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	h := fnv.New64a()
	_, _ = h.Write(b) // a hash never fails
	return h.Sum64()
}
