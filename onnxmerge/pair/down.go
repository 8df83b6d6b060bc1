package pair

import "slices"

// maxHorizon is how many operators with weights are looked ahead to tell apart weights
// that come from the same data, such as those of query, key and value.
const maxHorizon = 4

// downColour is the colour of what is made of the operator's result, up to the horizon.
// The end of the graph counts as nothing: heads differ.
func (o *op) downColour(horizon int) uint64 {
	if horizon == 0 || o.out == nil {
		return 0
	}
	if h, ok := o.down[horizon]; ok {
		return h
	}
	o.down[horizon] = 0 // a graph with a loop ends here
	var parts []uint64
	o.out.each(map[*value]bool{}, func(t taker) { parts = append(parts, t.colour(horizon)) })
	slices.Sort(parts)
	h := hashOf("down", slices.Compact(parts)...)
	o.down[horizon] = h
	return h
}

// each calls f with the operators that take v, also through those that are seen through.
func (v *value) each(seen map[*value]bool, f func(taker)) {
	if seen[v] {
		return
	}
	seen[v] = true
	for _, t := range v.takers {
		if t.op.through {
			t.op.out.each(seen, f)
		} else {
			f(t)
		}
	}
}

// colour is that of the operator as a taker of its operand, with what follows it.
func (t taker) colour(horizon int) uint64 {
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

// refined is the colour of a use with what follows it.
func (u *use) refined(horizon int) uint64 {
	return hashOf("refined", u.colour, u.op.downColour(horizon))
}
