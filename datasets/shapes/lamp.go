package shapes

func init() { register(class{name: "lamp", build: lamp}) }

// lamp is a shade on a foot: standing on a straight or bent pole, or squat on a
// vase-like body.
func lamp(r *source) mesh {
	reach := r.span(0.1, 0.24)
	foot := cone(reach, reach*r.span(0.3, 1), r.span(0.02, 0.06))
	low := reach * r.span(0.7, 1.6)
	shade := revolve(roundSides, ring{low, 0}, ring{low * r.span(0.2, 1), r.span(0.15, 0.35)})
	if r.chance(0.2) {
		shade = ball(2*low, 2*low, 2*low)
	}
	top := r.span(0.65, 0.85)
	switch {
	case r.chance(0.3): // bent arm
		knee := vec{r.span(-0.25, 0), r.span(0.35, 0.6), 0}
		hand := vec{r.span(0.05, 0.35), top, 0}
		return join(foot, bar(0.03, vec{}, knee), bar(0.03, knee, hand),
			shade.roll(r.angle(50)).move(hand[0], hand[1]-0.1, 0))
	case r.chance(0.3): // squat body
		belly := r.span(0.08, 0.2)
		body := revolve(roundSides, ring{0, 0}, ring{belly * 0.6, 0}, ring{belly, top * 0.3}, ring{belly * 0.3, top * 0.75},
			ring{0.02, top})
		return join(body, shade.scale(1.3, 1, 1.3).move(0, top-0.05, 0))
	}
	return join(foot, cylinder(r.span(0.012, 0.03), top), shade.move(0, top-r.span(0, 0.12), 0))
}
