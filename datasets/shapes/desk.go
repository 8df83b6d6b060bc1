package shapes

func init() { register(class{name: "desk", build: desk}) }

// desk is a rectangular top with drawers or a side panel at each end, mostly with a
// modesty panel, sometimes with a hutch.
func desk(r *source) mesh {
	w, d, h := 1.0, r.span(0.4, 0.65), r.span(0.42, 0.65)
	thick := r.span(0.02, 0.06)
	m := slab(false, w, d, h, thick)
	legs := r.chance(0.25)
	if legs {
		m = join(m, fourLegs(r, w, d, h))
	}
	for _, s := range []float64{-1, 1} {
		width, drop := 0.03, h
		if r.chance(0.45) { // drawers, hanging where legs stand
			width = r.span(0.2, 0.35)
			if legs {
				drop = h * r.span(0.3, 1)
			}
		}
		m = join(m, box(width, drop, d*0.95).move(s*(w-width)/2, h-drop, 0))
	}
	if r.chance(0.7) {
		drop := h * r.span(0.3, 0.95)
		m = join(m, box(w, drop, 0.02).move(0, h-drop, -d*r.span(0.2, 0.48)))
	}
	if r.chance(0.3) { // hutch
		y, deep := r.span(0.15, 0.4), d*r.span(0.25, 0.4)
		m = join(m, box(w, 0.03, deep).move(0, h+thick+y, -d/2+deep/2), box(w, y, 0.02).move(0, h+thick, -d/2))
	}
	return m
}
