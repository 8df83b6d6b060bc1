package shapes

func init() { register(class{name: "table", build: table}) }

// table is a wide top, round or rectangular, on legs, a pedestal or trestles.
func table(r *source) mesh {
	w, d, h := 1.0, r.span(0.5, 1), r.span(0.3, 0.8)
	thick := r.span(0.02, 0.07)
	round := r.chance(0.35)
	m := slab(round, w, d, h, thick)
	inner := 1.0
	if round {
		inner = 0.7 // the legs stay under the top
	}
	switch {
	case r.chance(0.2):
		return join(m, pedestal(r, min(w, d)*r.span(0.25, 0.42), h))
	case r.chance(0.2): // trestles
		x, leg := w*inner*r.span(0.3, 0.42), r.span(0.05, 0.12)
		return join(m, box(leg, h, d*inner*0.8).move(-x, 0, 0), box(leg, h, d*inner*0.8).move(x, 0, 0),
			box(2*x, 0.06, 0.04).move(0, h*0.4, 0))
	}
	m = join(m, fourLegs(r, w*inner, d*inner, h))
	if r.chance(0.2) { // shelf below
		m = join(m, slab(round, w*inner*0.9, d*inner*0.9, h*r.span(0.2, 0.4), 0.02))
	}
	return m
}
