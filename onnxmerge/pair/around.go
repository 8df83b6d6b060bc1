package pair

import "slices"

// pairAround pairs what is left by its neighbourhood: by what follows it, down to the next
// anchors, or by what leads to it, up to the next. Behind a place that is written
// differently, all that leads to a weight says nothing.
func (s *search) pairAround() {
	for _, look := range []func(*op, int) (uint64, bool){(*op).below, (*op).above} {
		as, bs := s.left(s.formA, look), s.left(s.formB, look)
		for _, c := range sortedKeys(bs) {
			s.addIfOne(as[c], bs[c], Around)
		}
	}
}

// left groups the uses that have no counterpart by what look sees of their operators.
func (s *search) left(f *form, look func(*op, int) (uint64, bool)) map[uint64][]*use {
	groups := map[uint64][]*use{}
	for _, u := range f.uses {
		if s.placed[u] || s.unclear[u.tensor] != "" || u.tensor.Len() == 1 {
			continue
		}
		if seen, ok := look(u.op, maxHorizon); ok {
			c := hashOf("around", seen, u.kind())
			groups[c] = append(groups[c], u)
		}
	}
	return groups
}

// below is the colour of what is made of the operator's result, down to the nearest
// anchors or the horizon, whatever else goes into it. ok is false where no anchor is in
// sight.
func (o *op) below(horizon int) (colour uint64, ok bool) {
	if horizon == 0 {
		return 0, false
	}
	var parts []uint64
	o.out.each(map[*value]bool{}, func(t taker) {
		slot := uint64(t.slot)
		if commutative[t.op.name] {
			slot = 0
		}
		next, anchored := t.op.anchor, true
		if next == 0 {
			next, anchored = t.op.below(horizon - 1)
		}
		ok = ok || anchored
		h := hashOf("taken by "+t.op.name, slot, next)
		for _, u := range t.op.uses {
			h += hashOf("with", u.kind())
		}
		parts = append(parts, h)
	})
	slices.Sort(parts)
	return hashOf("below", slices.Compact(parts)...), ok
}

// above is the colour of what the operator's operands are made from, up to the nearest
// anchors or the horizon. ok is false where no anchor is in sight.
func (o *op) above(horizon int) (colour uint64, ok bool) {
	if horizon == 0 {
		return 0, false
	}
	var parts []uint64
	for _, in := range o.ins {
		from := in.from().op
		if from == nil {
			parts = append(parts, in.up) // an input of the model
			continue
		}
		next, anchored := from.anchor, true
		if next == 0 {
			next, anchored = from.above(horizon - 1)
		}
		ok = ok || anchored
		h := hashOf("made by "+from.name, next)
		for _, u := range from.uses {
			h += hashOf("with", u.kind())
		}
		parts = append(parts, h)
	}
	if commutative[o.name] {
		slices.Sort(parts)
	}
	return hashOf("above "+o.name, parts...), ok
}
