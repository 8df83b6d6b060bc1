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
	if h, ok := o.down[horizon]; ok {
		return h
	}
	o.down[horizon] = 0 // a cyclic graph ends here
	var parts []uint64
	o.out.eachConsumer(map[*value]bool{}, func(t consumer) { parts = append(parts, t.colour(horizon)) })
	slices.Sort(parts)
	h := hashOf("down", slices.Compact(parts)...)
	o.down[horizon] = h
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
	h := hashOf("taken by "+t.op.name, slot)
	for _, u := range t.op.uses {
		h += hashOf("with", uint64(int64(u.role)), u.shapeHash())
	}
	for i, in := range t.op.ins {
		if i != t.slot {
			h += hashOf("beside", in.up)
		}
	}
	return hashOf("then", h, t.op.anchor, t.op.downColour(horizon-1))
}

// colourWithin returns the use's colour refined by downstream operators to the horizon.
func (u *use) colourWithin(horizon int) uint64 {
	return hashOf("refined", u.colour, u.op.downColour(horizon))
}
