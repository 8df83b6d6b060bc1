package shapes

func init() { register(class{name: "bench", build: bench}) }

// bench is a long low seat, with or without a back.
func bench(r *source) mesh {
	w, d, h := 1.0, r.span(0.22, 0.4), r.span(0.25, 0.42)
	thick := r.span(0.02, 0.06)
	m := box(w, thick, d).move(0, h, 0)
	if r.chance(0.5) {
		m = join(m, fourLegs(r, w, d, h))
	} else { // side panels
		x, panel := w*r.span(0.3, 0.48), r.span(0.03, 0.08)
		m = join(m, box(panel, h, d).move(-x, 0, 0), box(panel, h, d).move(x, 0, 0))
	}
	if r.chance(0.5) {
		rails := r.count(1, 3)
		back := r.span(0.2, 0.4)
		for i := range rails {
			y := h + back*float64(i+1)/float64(rails)
			m = join(m, box(w, back/float64(rails)*0.6, 0.03).move(0, y-back/float64(rails)*0.6, -d/2))
		}
		m = join(m, box(0.04, back, 0.03).move(-w*0.45, h, -d/2), box(0.04, back, 0.03).move(w*0.45, h, -d/2))
	}
	return m
}
