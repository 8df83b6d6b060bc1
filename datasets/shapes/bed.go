package shapes

func init() { register(class{name: "bed", build: bed}) }

// bed is a mattress on a frame, long along z with its head at the back.
func bed(r *source) mesh {
	w, l := r.span(0.45, 0.95), 1.0
	under, thick := max(0, r.span(-0.08, 0.2)), r.span(0.1, 0.25)
	m := box(w, thick, l).move(0, under, 0)
	if under > 0 {
		m = join(m, fourLegs(r, w, l, under))
	}
	board := r.span(0.03, 0.06)
	if r.chance(0.8) {
		m = join(m, box(w*r.span(1, 1.1), under+thick+r.span(0.08, 0.4), board).move(0, 0, -l/2))
	}
	if r.chance(0.35) {
		m = join(m, box(w, under+thick+r.span(0, 0.2), board).move(0, 0, l/2))
	}
	pillows := r.count(0, 2)
	for i := range pillows {
		x := (float64(i) - float64(pillows-1)/2) * w / 2
		m = join(m, ball(w*0.42, 0.1, 0.2).move(x, under+thick-0.03, -l/2+0.17))
	}
	if r.chance(0.12) { // bunk
		high := r.span(0.5, 0.75)
		m = join(m, box(w, thick, l).move(0, under+high, 0), fourLegs(r, w, l, under+high))
	}
	return m
}
