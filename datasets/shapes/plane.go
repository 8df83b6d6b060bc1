package shapes

import "math"

func init() { register(class{name: "plane", build: plane}) }

// plane flies towards +z: a fuselage, swept wings, a tail, sometimes engines.
func plane(r *source) mesh {
	thick := r.span(0.08, 0.16)
	m := ball(thick, thick*r.span(0.9, 1.3), 1)
	reach, sweep, chord := r.span(0.35, 0.6), r.span(0, 0.35), r.span(0.12, 0.28)
	at, y := r.span(-0.05, 0.15), thick*r.span(0.1, 0.8)
	for _, s := range []float64{-1, 1} {
		m = join(m, wing(s*reach, chord, sweep).move(0, y, at), wing(s*reach*0.4, chord*0.5, sweep*0.4).move(0, 0.05, -0.4))
		if r.chance(0.5) {
			m = join(m, ball(0.07, 0.07, 0.2).move(s*reach*0.45, y-0.05, at-sweep*0.4))
		}
	}
	fin := prism(0.015, [2]float64{0, 0}, [2]float64{0.16, 0}, [2]float64{0.05, r.span(0.15, 0.28)},
		[2]float64{-0.04, 0.2})
	return join(m, fin.yaw(-math.Pi/2).move(0, thick/2, -0.45))
}

// wing is a thin tapered plate from the origin to x = reach, swept to the back.
func wing(reach, chord, sweep float64) mesh {
	plate := func(y float64) mesh {
		return quad(vec{0, y, chord / 2}, vec{reach, y, chord/4 - sweep}, vec{reach, y, -chord/4 - sweep},
			vec{0, y, -chord / 2})
	}
	return join(plate(0), plate(0.015))
}
