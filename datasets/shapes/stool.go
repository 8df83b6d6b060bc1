package shapes

import "math"

func init() { register(class{name: "stool", build: stool}) }

// stool is a small seat without a back, on three or four legs or a pedestal.
func stool(r *source) mesh {
	w, h := r.span(0.3, 0.6), r.span(0.4, 1)
	d := w * r.span(0.75, 1)
	thick := r.span(0.03, 0.14)
	m := slab(r.chance(0.6), w, d, h, thick)
	switch {
	case r.chance(0.25):
		return join(m, pedestal(r, w*r.span(0.35, 0.55), h))
	case r.chance(0.25): // three legs
		splay := r.span(1, 1.4)
		for i := range 3 {
			top := vec{w * 0.38, h, 0}.yaw(float64(i) * 2 * math.Pi / 3)
			m = join(m, bar(0.05, vec{top[0] * splay, 0, top[2] * splay}, top))
		}
		return m
	}
	m = join(m, fourLegs(r, w*0.95, d*0.95, h))
	if r.chance(0.6) {
		m = join(m, rungs(w*0.9, d*0.9, h*r.span(0.2, 0.6), 0.035))
	}
	return m
}
