package shapes

import "math"

func init() { register(class{name: "mug", build: mug}) }

// mug is an open cup with a handle.
func mug(r *source) mesh {
	h, low, high := r.span(0.6, 1.1), r.span(0.25, 0.45), r.span(0.35, 0.45)
	wall := r.span(0.02, 0.05)
	cup := revolve(roundSides, ring{0, 0}, ring{low, 0}, ring{high, h}, ring{high - wall, h}, ring{low - wall, wall},
		ring{0, wall})
	bend := r.span(0.3, 0.42) * h
	handle := tube(bend, r.span(0.05, 0.1), -math.Pi/2, math.Pi/2).scale(r.span(0.6, 1), 1, 1)
	return join(cup, handle.move((low+high)/2, h/2, 0).yaw(r.span(0, 2*math.Pi)))
}
