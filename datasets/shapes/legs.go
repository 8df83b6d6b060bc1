package shapes

import "math"

// fourLegs stands a leg of height h near each corner of a w by d rectangle, round
// or square, upright or splayed outwards.
func fourLegs(r *source, w, d, h float64) mesh {
	thick := r.span(0.03, 0.07) * min(max(w, d), 2*h)
	splay := 0.0
	if r.chance(0.3) {
		splay = r.span(0, 0.15) * h
	}
	round := r.chance(0.5)
	var m mesh
	for _, x := range []float64{-1, 1} {
		for _, z := range []float64{-1, 1} {
			top := vec{x * (w/2 - thick), h, z * (d/2 - thick)}
			foot := vec{top[0] + x*splay, 0, top[2] + z*splay}
			if round || splay > 0 {
				m = append(m, bar(thick, foot, top)...)
				continue
			}
			m = append(m, box(thick, h, thick).move(top[0], 0, top[2])...)
		}
	}
	return m
}

// rungs joins neighbouring legs of a w by d rectangle at height y.
func rungs(w, d, y, thick float64) mesh {
	var m mesh
	for _, s := range []float64{-1, 1} {
		m = append(m, bar(thick, vec{-w / 2, y, s * d / 2}, vec{w / 2, y, s * d / 2})...)
		m = append(m, bar(thick, vec{s * w / 2, y, -d / 2}, vec{s * w / 2, y, d / 2})...)
	}
	return m
}

// pedestal is a single central column of height h on a disc or on a star of feet.
func pedestal(r *source, reach, h float64) mesh {
	m := cylinder(r.span(0.08, 0.2)*reach, h)
	if r.chance(0.5) {
		return join(m, cone(reach, r.span(0.3, 0.9)*reach, r.span(0.03, 0.08)*h))
	}
	feet := r.count(3, 5)
	thick := r.span(0.08, 0.15) * reach
	for i := range feet {
		foot := vec{reach, thick / 2, 0}.yaw(2 * math.Pi * float64(i) / float64(feet))
		m = append(m, bar(thick, foot, vec{0, r.span(0.05, 0.25) * h, 0})...)
	}
	return m
}

// slab is a flat top of thickness t whose underside is at height y: rectangular, or
// elliptic when round.
func slab(round bool, w, d, y, t float64) mesh {
	if round {
		return cylinder(0.5, t).scale(w, 1, d).move(0, y, 0)
	}
	return box(w, t, d).move(0, y, 0)
}
