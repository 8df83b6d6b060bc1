package shapes

func init() { register(class{name: "sofa", build: sofa}) }

// sofa is an upholstered seat with a back and mostly arms; some have a chaise
// longue, some are armchairs.
func sofa(r *source) mesh {
	w, d := r.span(0.55, 1.3), r.span(0.4, 0.6)
	under, seat := max(0, r.span(-0.06, 0.1)), r.span(0.14, 0.26)
	m := box(w, seat, d).move(0, under, 0)
	if under > 0 {
		m = join(m, fourLegs(r, w, d, under))
	}
	back, deep := r.span(0.15, 0.4), r.span(0.08, 0.18)
	m = join(m, box(w, seat+back, deep).pitch(-r.span(0, 0.15)).move(0, under, -d/2))
	if r.chance(0.8) {
		arm, high := r.span(0.06, 0.16), r.span(0.05, 0.2)
		for _, s := range []float64{-1, 1} {
			m = join(m, box(arm, seat+high, d).move(s*w/2, under, 0))
		}
	}
	cushions := r.count(0, 3)
	for i := range cushions {
		each := w / float64(cushions)
		m = join(m, box(each*0.95, 0.06, d*0.8).move(each*(float64(i)+0.5)-w/2, under+seat, deep/2))
	}
	if r.chance(0.2) { // chaise longue
		m = join(m, box(w*0.35, seat, d).move(r.side()*w*0.32, under, d*0.8))
	}
	return m
}
