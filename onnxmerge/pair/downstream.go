package pair

import "slices"

// maxHorizon is the number of downstream operators with weights that a refined colour includes. It distinguishes
// weights with equal upstream data, such as those of query, key and value.
const maxHorizon = 4

// downColour returns the colour of the operators downstream of o, to the horizon. The end of the graph contributes
// nothing, because heads differ.
func (o *op) downColour(horizon int) uint64 {
	if horizon == 0 || o.out == nil {
		return 0
	}
	if h := o.colours().down[horizon-1]; h != 0 {
		return h
	}
	var parts []uint64
	o.out.eachConsumer(map[*value]bool{}, func(t consumer) { parts = append(parts, t.colour(horizon)) })
	slices.Sort(parts)
	h := hashOf("down", slices.Compact(parts)...)
	o.colours().down[horizon-1] = h
	return h
}

// eachConsumer calls f for the operators that consume v, directly or through transparent operators.
func (v *value) eachConsumer(seen map[*value]bool, f func(consumer)) {
	if seen[v] || !v.leads() {
		return
	}
	seen[v] = true
	for _, t := range v.consumers {
		if t.op.transparent {
			t.op.out.eachConsumer(seen, f)
		} else {
			f(t)
		}
	}
}

// leads reports whether an operator that is not transparent consumes v, directly or through transparent ones. A chain
// of transparent operators that ends without one, such as thousands of sums, would be followed from each of them.
func (v *value) leads() bool {
	if v.lead != leadUnknown {
		return v.lead == leadSome
	}
	v.lead = leadNone // while its consumers are visited, and if all of them are transparent
	for _, t := range v.consumers {
		if !t.op.transparent || t.op.out.leads() {
			v.lead = leadSome
			break
		}
	}
	return v.lead == leadSome
}

// lead is whether a value leads to an operator that is not transparent.
type lead int8

const (
	leadUnknown lead = iota
	leadNone
	leadSome
)

// colour returns the colour of one consumer: its operator, operand, weights, other operands and downstream colour.
func (t consumer) colour(horizon int) uint64 {
	slot := uint64(t.slot)
	if commutative[t.op.name] {
		slot = 0
	}
	h := hashOf("taken by "+t.op.name, slot) + t.op.operandSum() - besideColour(t.op.ins[t.slot])
	return hashOf("then", h, t.op.anchor, t.op.downColour(horizon-1))
}

// operandSum returns the sum of the colours of all operands but biases, from which the colours beside one of them follow
// without another pass: an operator such as Concat may have thousands.
func (o *op) operandSum() uint64 {
	if known := o.colours().operands; known != 0 {
		return known
	}
	sum := uint64(0)
	for _, u := range o.uses {
		if !u.isBias() {
			sum += hashOf("with", uint64(int64(u.role)), u.shapeHash())
		}
	}
	for _, in := range o.ins {
		sum += besideColour(in)
	}
	o.colours().operands = sum
	return sum
}

// besideColour is the colour of a value for the operator's other operands.
func besideColour(v *value) uint64 { return hashOf("beside", v.up) }

// colourWithin returns the use's colour refined by downstream operators to the horizon.
func (u *use) colourWithin(horizon int) uint64 {
	return hashOf("refined", u.colour, u.op.downColour(horizon))
}
