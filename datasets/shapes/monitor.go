package shapes

func init() { register(class{name: "monitor", build: monitor}) }

// monitor is a screen on a stand; some are deep tubes, some are laptops.
func monitor(r *source) mesh {
	w, h := 1.0, r.span(0.5, 0.8)
	tilt := -r.span(0, 0.25)
	if r.chance(0.2) { // laptop
		return join(box(w, 0.05, h), box(w, h, 0.04).pitch(-r.span(0, 0.6)).move(0, 0.05, -h/2))
	}
	deep := r.span(0.04, 0.12)
	screen := box(w, h, deep)
	if r.chance(0.25) { // tube
		half := h * r.span(0.2, 0.4)
		tail := prism(r.span(0.3, 0.6)*h, [2]float64{-half, -half}, [2]float64{half, -half}, [2]float64{half, half},
			[2]float64{-half, half})
		screen = join(screen, tail.move(0, h/2, -0.25*h))
	}
	lift := r.span(0.05, 0.35)
	reach := r.span(0.15, 0.35)
	foot := slab(r.chance(0.5), 2*reach, reach*r.span(0.8, 1.6), 0, 0.03)
	neck := box(r.span(0.06, 0.25), lift+h*0.3, 0.05).move(0, 0, -deep)
	return join(screen.pitch(tilt).move(0, lift, 0), foot, neck)
}
