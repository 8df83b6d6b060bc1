package pair

import "slices"

// pairNeighbourhoods pairs the remaining uses by their distance-bounded neighbourhood: downstream to the next
// anchors, then upstream to the next anchors. Upstream colours alone cannot pair anything behind a place where the
// two graphs differ.
func (s *search) pairNeighbourhoods() {
	for _, look := range []func(*op, int) (uint64, bool){(*op).below, (*op).above} {
		for as, bs := range shared(s.left(s.graphA, look), s.left(s.graphB, look)) {
			s.addIfOne(as, bs, Around)
		}
	}
}

// left groups the uses without a counterpart by the colour that look returns for their operators.
func (s *search) left(f *reduced, look func(*op, int) (uint64, bool)) []colourGroup {
	return groupBy(f.uses, func(u *use) (uint64, bool) {
		if u.placed || s.unclear[u.tensor] != "" || u.tensor.Len() == 1 {
			return 0, false
		}
		seen, ok := look(u.op, maxHorizon)
		if !ok {
			return 0, false
		}
		return hashOf("around", seen, u.localColour()), true
	})
}

// below returns the colour of the operators downstream of o, to the nearest anchors or the horizon; their other
// operands are ignored. ok is false if no anchor is within the horizon.
func (o *op) below(horizon int) (colour uint64, ok bool) {
	if horizon == 0 {
		return 0, false
	}
	if v := o.colours().lower[horizon-1]; v.colour != 0 {
		return v.colour, v.anchored
	}
	var parts []uint64
	o.out.eachConsumer(map[*value]bool{}, func(t consumer) {
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
		h += t.op.weightSum()
		parts = append(parts, h)
	})
	slices.Sort(parts)
	colour = hashOf("below", slices.Compact(parts)...)
	o.colours().lower[horizon-1] = view{colour, ok}
	return colour, ok
}

// above returns the colour of the operators upstream of o, to the nearest anchors or the horizon. ok is false if no
// anchor is within the horizon.
func (o *op) above(horizon int) (colour uint64, ok bool) {
	if horizon == 0 {
		return 0, false
	}
	if v := o.colours().upper[horizon-1]; v.colour != 0 {
		return v.colour, v.anchored
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
		h += from.weightSum()
		parts = append(parts, h)
	}
	if commutative[o.name] {
		slices.Sort(parts)
	}
	colour = hashOf("above "+o.name, parts...)
	o.colours().upper[horizon-1] = view{colour, ok}
	return colour, ok
}

// weightSum returns the sum of the colours of the operator's weights. Biases do not count, which exporters omit or fold.
func (o *op) weightSum() (sum uint64) {
	for _, u := range o.uses {
		if !u.isBias() {
			sum += hashOf("with", u.localColour())
		}
	}
	return sum
}
