package shapes

func init() { register(class{name: "chair", build: chair}) }

// chair is a seat with a back, on legs or on a swivel foot, with or without arms.
func chair(r *source) mesh {
	w, d, h := r.span(0.4, 0.6), r.span(0.38, 0.55), r.span(0.3, 0.55)
	thick := r.span(0.02, 0.1)
	m := slab(r.chance(0.2), w, d, h, thick)
	if r.chance(0.7) {
		m = join(m, fourLegs(r, w, d, h))
	} else {
		m = join(m, pedestal(r, w*r.span(0.4, 0.55), h))
	}
	top := h + thick
	m = join(m, chairBack(r, w, r.span(0.2, 0.65)).pitch(-r.span(0, 0.25)).move(0, top, -d/2))
	if r.chance(0.35) {
		arm := r.span(0.12, 0.25)
		for _, s := range []float64{-1, 1} {
			m = join(m, box(0.05, 0.03, d).move(s*w/2, top+arm, 0), box(0.04, arm, 0.04).move(s*w/2, top, d*0.35))
		}
	}
	return m
}

// chairBack is a board, or a frame of slats, w wide and h high.
func chairBack(r *source, w, h float64) mesh {
	if r.chance(0.5) {
		board := h * r.span(0.5, 1)
		return join(box(w*r.span(0.8, 1), board, r.span(0.02, 0.08)).move(0, h-board, 0),
			bar(0.04, vec{-w * 0.4, 0, 0}, vec{-w * 0.4, h, 0}), bar(0.04, vec{w * 0.4, 0, 0}, vec{w * 0.4, h, 0}))
	}
	m := box(w, 0.06, 0.03).move(0, h-0.06, 0)
	slats := r.count(2, 5)
	for i := range slats {
		x := w * 0.45 * (2*float64(i)/float64(slats-1) - 1)
		m = join(m, bar(0.035, vec{x, 0, 0}, vec{x, h, 0}))
	}
	return m
}
