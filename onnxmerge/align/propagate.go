package align

import "slices"

// propagate gives each group an order once: first the group of which the largest share of its weights has no other
// units than frozen ones and those of groups that have their order. Weights with other units say nothing about it yet.
func (d *descent) propagate() {
	for i := range d.open {
		d.open[i] = true
	}
	for {
		next, share := -1, -1.
		for i, open := range d.open {
			if !open {
				continue
			}
			if s := d.share(i); s > share {
				next, share = i, s
			}
		}
		if next < 0 {
			return
		}
		d.give(next)
	}
}

// share returns the part of a group's weights that its order can be found from.
func (d *descent) share(i int) float64 {
	settled, all := 0., 0.
	for _, t := range d.of[i] {
		x := d.terms[t]
		n := float64(len(x.own))
		all += n
		if d.settled(x, append([]int{i}, d.inner[i]...)...) {
			settled += n
		}
	}
	if all == 0 {
		return 0
	}
	return settled / all
}

// settled reports whether all groups of a weight, except for some, have their order.
func (d *descent) settled(x *term, except ...int) bool {
	for _, units := range x.axes {
		for _, u := range units {
			if d.open[u.group] && !slices.Contains(except, u.group) {
				return false
			}
		}
	}
	return true
}

// give gives a group its order, together with those inside it.
func (d *descent) give(i int) {
	if len(d.inner[i]) > 0 {
		d.setOuter(i, d.jointGain(i))
		return
	}
	d.set(i, Assign(d.gain(i), d.groups.List[i].Size))
	d.open[i] = false
}
