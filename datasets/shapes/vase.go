package shapes

func init() { register(class{name: "vase", build: vase}) }

// vase is an open body of revolution, bellied or waisted, sometimes with stems.
func vase(r *source) mesh {
	var outside []ring
	const steps = 6
	belly, foot, lip := r.span(0.15, 0.4), r.span(0.1, 0.25), r.span(0.08, 0.35)
	at := r.span(0.25, 0.7) // height of the belly
	for i := range steps + 1 {
		y := float64(i) / steps
		radius := foot + (lip-foot)*y
		if spread := 1 - (y-at)*(y-at)*6; spread > 0 {
			radius += (belly - radius) * spread
		}
		outside = append(outside, ring{radius, y})
	}
	m := revolve(roundSides, append([]ring{{0, 0}}, outside...)...)
	if r.chance(0.3) { // stems
		for range r.count(2, 5) {
			tip := vec{r.span(-0.35, 0.35), r.span(1.2, 1.7), r.span(-0.35, 0.35)}
			m = join(m, bar(0.02, vec{0, 0.3, 0}, tip), ball(0.1, 0.1, 0.1).move(tip[0], tip[1]-0.05, tip[2]))
		}
	}
	return m
}
