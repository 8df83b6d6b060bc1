package shapes

func init() { register(class{name: "bottle", build: bottle}) }

// bottle is a closed body of revolution with shoulders and a neck.
func bottle(r *source) mesh {
	body := r.span(0.1, 0.25)
	neck := body * r.span(0.25, 0.6)
	shoulder := r.span(0.4, 0.75)
	throat := shoulder + r.span(0.05, 0.2)
	foot := body * r.span(0.85, 1)
	m := revolve(roundSides, ring{0, 0}, ring{foot, 0}, ring{body, shoulder * 0.3}, ring{body, shoulder},
		ring{neck, throat}, ring{neck, 1}, ring{0, 1})
	if r.chance(0.4) { // cap
		m = join(m, cylinder(neck*1.25, 0.06).move(0, 0.96, 0))
	}
	if r.chance(0.3) { // flat flask
		m.scale(1, 1, r.span(0.4, 0.8))
	}
	return m
}
