package pair

import (
	"slices"
	"strings"

	"github.com/wiseft/wiseft/internal/slab"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// reduced is the graph that pairing compares: the operators that have weights, and the data flow between them.
// Operators without weights whose data has one source, such as activations, reshapes, or the parts of a decomposed
// GELU, are transparent: they keep the colour of their data, because exporters write them differently.
type reduced struct {
	ops  []*op  // in topological order
	uses []*use // in the order of their operators

	memory memory
}

// memory is that of a graph's parts.
type memory struct {
	ops       slab.Slab[op]
	values    slab.Slab[value]
	permuted  slab.Slab[permuted]
	uses      slab.Slab[use]
	consumers slab.Slab[consumer]
	orders    [][]int // by rank: the axes in their order; nil if it is not needed
	valueList slab.Slab[*value]
	useList   slab.Slab[*use]
}

// order returns the axes of a tensor of so many in their order. It must not be changed.
func (m *memory) order(rank int) []int {
	for len(m.orders) <= rank {
		m.orders = append(m.orders, nil)
	}
	if m.orders[rank] == nil {
		m.orders[rank] = make([]int, rank)
		for i := range m.orders[rank] {
			m.orders[rank][i] = i
		}
	}
	return m.orders[rank]
}

// value is a value of the graph: an operand or a result of operators.
type value struct {
	permuted  *permuted // if kind is weight; of a stored constant only its tensor; nil otherwise
	up        uint64    // upstream colour
	root      *value    // source of the value across transparent operators; nil if the value is its own root
	op        *op       // that computes it; nil for inputs of a graph
	consumers []consumer
	kind      valueKind
	isOutput  bool // of the model
	isOne     bool // it is the number 1, if kind is constant
	lead      lead // see leads
}

// from returns the root of v, which may be v.
func (v *value) from() *value {
	for v.root != nil {
		v = v.root
	}
	return v
}

type valueKind uint8

const (
	data     valueKind = iota
	constant           // depends on no input and no weight
	weight             // a stored tensor, possibly with permuted axes
)

// permuted is a tensor with its axes in another order.
type permuted struct {
	tensor *onnx.Tensor
	perm   []int   // perm[i] is the tensor's axis that is axis i; -1 for an added one, of length 1
	shape  []int64 // after the permutation
}

// consumer is an operator and the index of the value among its data operands.
type consumer struct {
	op   *op
	slot int
}

// op is an operator of the reduced graph.
type op struct {
	name  string
	index int        // in reduced.ops
	node  *onnx.Node // that it represents
	ins   []*value   // data operands, in order
	uses  []*use     // weights with more than one element
	ones  []*use     // weights with one element
	out   *value
	// bounded marks an edge of a control-flow body, which is never transparent.
	bounded bool
	// transparent means that the operator has no weights and its data has one root.
	transparent bool
	live        bool // an output of the model depends on it
	static      bool // no operand depends on an input of the model
	number      bool // static, of single numbers and what the model computes from shapes
	// isLinearScale is set for an operator that scales a linear one's result by channel.
	isLinearScale bool
	// moved is the operator whose result the operator only moves, shifts or multiplies by one number; else itself.
	moved *op
	// alpha is the number by which the node multiplies its product; 0 means 1.
	alpha float32
	// anchor is the colour assigned to the operator's result by evidence other than upstream structure; 0 if none.
	anchor    uint64
	anchorHow How // the evidence of an anchor of the fine-tuned model; "" otherwise

	around *colours // nil before they are used; see op.colours
}

// colours returns the colours around the operator. Few operators need them.
func (o *op) colours() *colours {
	if o.around == nil {
		o.around = &colours{}
	}
	return o.around
}

// colours are the colours around an operator that one round computes when they are first used; 0 before that. Lists are by
// horizon, from 1 on.
type colours struct {
	down         [maxHorizon]uint64 // see downColour
	operands     uint64             // see operandSum
	lower, upper [maxHorizon]view   // see below and above
}

// view is the colour of a neighbourhood, and whether an anchor is in it.
type view struct {
	colour   uint64
	anchored bool
}

// use is a tensor as an operand of one operator.
type use struct {
	*permuted
	op     *op
	record *record // of the tensor
	colour uint64
	role   int  // index of the operand, -1 for commutative operators
	placed bool // it has a counterpart in this round
}

// commutative lists the operators whose operands have no order.
var commutative = map[string]bool{"Add": true, "Mul": true, "Sum": true, "Max": true, "Min": true, "Mean": true,
	"And": true, "Or": true, "Xor": true, "Equal": true}

// add adds an operator with the given operands, nil for missing ones, and returns its result.
func (f *reduced) add(o *op, ins []*value) *value {
	for slot, in := range ins {
		if in == nil || in.kind == constant {
			continue
		}
		if in.kind == data {
			if in.consumers == nil {
				in.consumers = f.memory.consumers.Take(1)[:0] // most values have one
			}
			in.consumers = append(in.consumers, consumer{o, len(o.ins)})
			if o.ins == nil {
				o.ins = f.memory.valueList.Take(len(ins))[:0]
			}
			o.ins = append(o.ins, in)
			continue
		}
		u := f.memory.uses.One()
		*u = use{permuted: in.permuted, op: o, role: slot}
		if commutative[o.name] {
			u.role = -1
		}
		if in.permuted.tensor.Len() == 1 {
			o.ones = append(o.ones, u)
			continue
		}
		if o.uses == nil {
			o.uses = f.memory.useList.Take(1)[:0] // most operators have one
		}
		o.uses = append(o.uses, u)
	}
	if len(o.ins)+len(o.uses)+len(o.ones) == 0 && !o.bounded {
		return &value{kind: constant}
	}
	o.out = f.memory.values.One()
	o.out.op = o
	o.static = !o.bounded && !slices.ContainsFunc(o.ins, func(v *value) bool { return !v.isStatic() })
	o.number = o.static && len(o.uses) == 0 && !slices.ContainsFunc(o.ins, func(v *value) bool { return !v.op.number })
	o.findMoved()
	o.isLinearScale = o.scalesLinear()
	if o.isTransparent() {
		o.transparent = true
		o.out.root = o.ins[0].from()
	}
	o.index = len(f.ops)
	f.ops = append(f.ops, o)
	f.uses = append(append(f.uses, o.uses...), o.ones...)
	return o.out
}

// prune removes operators that no output of the model depends on, such as the statistics that an exporter's
// BatchNormalization returns beside its result. A graph without outputs is left as it is.
func (f *reduced) prune() {
	live := 0
	for i := len(f.ops) - 1; i >= 0; i-- {
		o := f.ops[i]
		if o.live = o.live || o.out.isOutput; !o.live {
			continue
		}
		live++
		for _, in := range o.ins {
			if in.op != nil {
				in.op.live = true
			}
		}
	}
	if live == 0 || live == len(f.ops) {
		return
	}
	isDead := func(o *op) bool { return !o.live }
	prune := func(v *value) {
		v.consumers = slices.DeleteFunc(v.consumers, func(c consumer) bool { return isDead(c.op) })
	}
	for _, o := range f.ops {
		prune(o.out)
		for _, in := range o.ins {
			prune(in)
		}
	}
	f.ops = slices.DeleteFunc(f.ops, isDead)
	f.uses = slices.DeleteFunc(f.uses, func(u *use) bool { return isDead(u.op) })
	for i, o := range f.ops {
		o.index = i
	}
}

// isTransparent reports whether the operator has no weights other than a bias, and one root for all its data.
func (o *op) isTransparent() bool {
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

// hasWeights reports whether the operator has weights other than biases.
func (o *op) hasWeights() bool {
	for _, u := range o.uses {
		if !u.isBias() {
			return true
		}
	}
	return false
}

// isBias reports whether the operator adds the tensor to its result, or scales and shifts the result by channel
// (BatchNormalization). Exporters omit such operands, fill them with zeros or fold them, so they receive a colour and
// do not contribute to the operator's.
func (u *use) isBias() bool {
	o := u.op
	switch {
	case o.name == batchNorm:
		return true
	case o.isLinearScale:
		return true
	case o.name != "Add":
		return u.role == 2 && strings.HasPrefix(o.name, "Conv")
	}
	return IsVector(u.shape) && len(o.uses) == 1 && len(o.ins) == 1
}

// scalesLinear reports whether the operator scales, by one stored vector, the result of a linear operator, directly or
// behind its bias, so that an exporter can fold it.
func (o *op) scalesLinear() bool {
	if len(o.ins) != 1 || len(o.uses) != 1 || o.name == batchNorm || !o.isScale() {
		return false
	}
	before := o.ins[0].behindMoves()
	return before != nil && before.isLinear()
}

// shiftsScaled reports whether the tensor is added to the result of a linear operator behind a scale, so that it is another
// one than the linear operator's bias.
func (u *use) shiftsScaled() bool {
	if u.op.name != "Add" || len(u.op.ins) != 1 {
		return false
	}
	before := u.op.ins[0].behindMoves()
	return before != nil && before.isLinearScale
}

// behindMoves returns the operator that computes the value, before others that only move elements, add biases or multiply
// by one number; nil for an input.
func (v *value) behindMoves() *op {
	if v.op == nil {
		return nil
	}
	return v.op.moved
}

// findMoved sets moved, from that of its operand: a chain may be as long as the file.
func (o *op) findMoved() {
	o.moved = o
	if !o.isLinear() && (o.passes() || len(o.uses) == 0 && o.isScale()) {
		o.moved = o.dynamic().behindMoves()
	}
}

// transposed returns the weight with its axes permuted by perm, reversed if perm is nil. If perm does not fit, the
// result has no shape and pairs with nothing.
func (v *value) transposed(perm []int64) *value {
	n := len(v.permuted.shape)
	if perm == nil {
		for i := range n {
			perm = append(perm, int64(n-1-i))
		}
	}
	if len(perm) != n || len(v.permuted.perm) != n {
		return &value{kind: weight, permuted: &permuted{tensor: v.permuted.tensor}}
	}
	out := &permuted{tensor: v.permuted.tensor, shape: make([]int64, n), perm: make([]int, n)}
	for i, p := range perm {
		if p < 0 || int(p) >= n {
			return &value{kind: weight, permuted: &permuted{tensor: v.permuted.tensor}}
		}
		out.shape[i], out.perm[i] = v.permuted.shape[p], v.permuted.perm[p]
	}
	return &value{kind: weight, permuted: out}
}

// reshaped returns the weight with another shape. Axes of length 1 may be elsewhere; if other ones differ, or the shape is
// not known, the weight stays as it is.
func (v *value) reshaped(shape []int64) *value {
	w := v.permuted
	if shape == nil || len(w.perm) != len(w.shape) {
		return v
	}
	var long, ones []int // axes of the tensor
	var lengths []int64
	for i, d := range w.shape {
		if d == 1 {
			ones = append(ones, w.perm[i])
		} else {
			long, lengths = append(long, w.perm[i]), append(lengths, d)
		}
	}
	out := &permuted{tensor: w.tensor, shape: shape, perm: make([]int, len(shape))}
	for i, d := range shape {
		switch {
		case d != 1 && (len(lengths) == 0 || lengths[0] != d):
			return v
		case d != 1:
			out.perm[i], long, lengths = long[0], long[1:], lengths[1:]
		case len(ones) > 0:
			out.perm[i], ones = ones[0], ones[1:]
		default:
			out.perm[i] = -1
		}
	}
	return &value{kind: weight, permuted: out}
}
