package align

import "slices"

// nest finds, for each group, the groups that divide the same axis further: units of a head for heads.
func (d *descent) nest() {
	for _, x := range d.terms {
		for _, units := range x.axes {
			for _, a := range units {
				for _, b := range units {
					if d.nested(a, b) && !slices.Contains(d.inner[a.group], b.group) {
						d.inner[a.group] = append(d.inner[a.group], b.group)
					}
				}
			}
		}
	}
}

// nested reports whether units of one axis divide those of another group.
func (d *descent) nested(outer, inner unitsOf) bool {
	m := d.groups.List[inner.group].Size
	return outer.group != inner.group && outer.at.Stride > inner.at.Stride && outer.at.Offset == inner.at.Offset &&
		slices.Contains(outer.at.Repeats, Repeat{m, inner.at.Stride})
}

// outer gives a group its best permutation while those inside are open: the gain of a pair of heads is that of the best
// assignment of their units, which may differ from pair to pair. Then the inner groups are solved. With the inner order
// wrong, heads in the right order are no more alike than any others, so that descent by single groups stays where it
// is. It reports whether the objective rose.
func (d *descent) outer(i int) bool {
	gain := d.jointGain(i)
	terms := slices.Clone(d.of[i])
	for _, k := range d.inner[i] {
		for _, t := range d.of[k] {
			if !slices.Contains(terms, t) {
				terms = append(terms, t)
			}
		}
	}
	return d.replace(terms, func() { d.setOuter(i, gain) })
}

// setOuter gives a group the best permutation for a gain, then each of its inner groups.
func (d *descent) setOuter(i int, gain []float64) {
	d.set(i, Assign(gain, d.groups.List[i].Size))
	d.open[i] = false
	for _, k := range d.inner[i] {
		d.set(k, Assign(d.gain(k), d.groups.List[k].Size))
		d.open[k] = false
	}
}

// jointGain returns the gain of outer units at each place, with those inside in the best order.
func (d *descent) jointGain(i int) []float64 {
	n := d.groups.List[i].Size
	gain := make([]float64, n*n)
	for _, k := range d.inner[i] {
		d.addBest(gain, i, k)
	}
	return gain
}

// addBest adds, for each pair of outer units, the gain of the best assignment of inner ones.
func (d *descent) addBest(gain []float64, outer, inner int) {
	n, m := d.groups.List[outer].Size, d.groups.List[inner].Size
	pairs := make([]float64, n*m*n*m)
	current := slices.Clone(d.current)
	current[outer], current[inner] = nil, nil
	own := func(x *term) []float32 { return x.permuted(x.maps(current, -1, -1)) }
	for _, t := range d.of[inner] {
		x := d.terms[t]
		if !d.settled(x, outer, inner) {
			continue
		}
		for axis, units := range x.axes {
			for _, a := range units {
				for _, b := range units {
					if a.group == outer && b.group == inner && d.nested(a, b) {
						x.products(pairs, axis, nestedRows(a.at, b.at, n, m), own(x))
					}
				}
			}
		}
	}
	addBestPairs(gain, pairs, n, m)
}

// addBestPairs adds, for each pair of n outer units, the sum of the best assignment of their m inner ones. pairs has
// the gains of all inner units of all outer ones.
func addBestPairs(gain, pairs []float64, n, m int) {
	part := make([]float64, m*m)
	for i := range n {
		for j := range n {
			for u := range m {
				copy(part[u*m:(u+1)*m], pairs[((i*m+u)*n+j)*m:])
			}
			for u, v := range Assign(part, m) {
				gain[i*n+j] += part[u*m+v]
			}
		}
	}
}

// nestedRows returns the rows of all inner units of all outer ones.
func nestedRows(outer, inner Layout, n, m int) rows {
	at := Layout{Offset: outer.Offset, Stride: outer.Stride}
	for _, r := range outer.Repeats {
		if r != (Repeat{m, inner.Stride}) {
			at.Repeats = append(at.Repeats, r)
		}
	}
	heads := unitRows(at, n)
	r := rows{places: heads.places}
	for _, first := range heads.first {
		for u := range m {
			r.first = append(r.first, first+u*inner.Stride)
		}
	}
	return r
}
