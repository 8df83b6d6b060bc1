package shapes

import "math"

func init() { register(class{name: "bathtub", build: bathtub}) }

// bathtub is a hollow trough, rectangular or oval, long along x.
func bathtub(r *source) mesh {
	sides, corner := roundSides, 0.5
	if r.chance(0.5) { // rectangular
		sides, corner = 4, math.Sqrt2/2
	}
	w, h, d := 1.0, r.span(0.25, 0.5), r.span(0.4, 0.65)
	wall := r.span(0.08, 0.25)
	foot := r.span(0.6, 1)
	depth := r.span(0.1, 0.35)
	basin := revolve(sides, ring{0, 0}, ring{foot * corner, 0}, ring{corner, 1}, ring{(1 - wall) * corner, 1},
		ring{(foot - wall/2) * corner * 0.9, depth}, ring{0, depth})
	if sides == 4 {
		basin.yaw(math.Pi / 2)
	}
	m := basin.scale(w, h, d)
	if r.chance(0.3) { // on legs
		lift := r.span(0.04, 0.12)
		m = join(m.move(0, lift, 0), fourLegs(r, foot*0.7*w, foot*0.7*d, lift))
		h += lift
	}
	if r.chance(0.5) { // tap
		reach := r.span(0.06, 0.12)
		tap := tube(reach, 0.03, 0, math.Pi).move(0, r.span(0.02, 0.12), 0)
		m = join(m, tap.move(r.side()*(w/2-reach/2), h, 0))
	}
	if r.chance(0.25) { // shower screen
		m = join(m, box(r.span(0.3, 0.5), r.span(0.4, 0.8), 0.01).move(r.side()*0.25, h, -d/2))
	}
	return m
}
