package shapes

import (
	"math"
	"sort"
)

// vec is a point or a direction: x to the right, y up, z to the front.
type vec [3]float64

func (a vec) add(b vec) vec       { return vec{a[0] + b[0], a[1] + b[1], a[2] + b[2]} }
func (a vec) sub(b vec) vec       { return vec{a[0] - b[0], a[1] - b[1], a[2] - b[2]} }
func (a vec) times(s float64) vec { return vec{s * a[0], s * a[1], s * a[2]} }
func (a vec) dot(b vec) float64   { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }
func (a vec) norm() float64       { return math.Sqrt(a.dot(a)) }
func (a vec) cross(b vec) vec {
	return vec{a[1]*b[2] - a[2]*b[1], a[2]*b[0] - a[0]*b[2], a[0]*b[1] - a[1]*b[0]}
}
func (a vec) yaw(angle float64) vec   { return a.turn(2, 0, angle) }
func (a vec) pitch(angle float64) vec { return a.turn(1, 2, angle) }
func (a vec) roll(angle float64) vec  { return a.turn(0, 1, angle) }

// turn rotates axis i towards axis j.
func (a vec) turn(i, j int, angle float64) vec {
	sin, cos := math.Sincos(angle)
	a[i], a[j] = cos*a[i]-sin*a[j], sin*a[i]+cos*a[j]
	return a
}

// triangle is a patch of surface with two sides.
type triangle [3]vec

func (t triangle) area() float64 { return t[1].sub(t[0]).cross(t[2].sub(t[0])).norm() / 2 }

// mesh is a surface of triangles. Its methods change it in place and return it, so that calls can be chained.
type mesh []triangle

// join returns the meshes as one.
func join(parts ...mesh) mesh {
	var whole mesh
	for _, part := range parts {
		whole = append(whole, part...)
	}
	return whole
}

func (m mesh) each(change func(vec) vec) mesh {
	for i := range m {
		for k := range m[i] {
			m[i][k] = change(m[i][k])
		}
	}
	return m
}

func (m mesh) move(x, y, z float64) mesh {
	return m.each(func(p vec) vec { return p.add(vec{x, y, z}) })
}
func (m mesh) scale(x, y, z float64) mesh {
	return m.each(func(p vec) vec { return vec{x * p[0], y * p[1], z * p[2]} })
}
func (m mesh) yaw(angle float64) mesh   { return m.each(func(p vec) vec { return p.yaw(angle) }) }
func (m mesh) pitch(angle float64) mesh { return m.each(func(p vec) vec { return p.pitch(angle) }) }
func (m mesh) roll(angle float64) mesh  { return m.each(func(p vec) vec { return p.roll(angle) }) }

// bounds returns the corners of the box around m.
func (m mesh) bounds() (lo, hi vec) {
	lo, hi = m[0][0], m[0][0]
	for _, t := range m {
		for _, p := range t {
			for k := range p {
				lo[k], hi[k] = min(lo[k], p[k]), max(hi[k], p[k])
			}
		}
	}
	return lo, hi
}

// sampler draws points uniformly by area.
type sampler struct {
	mesh  mesh
	until []float64 // until[i] is the area of triangles 0 to i
}

func newSampler(m mesh) *sampler {
	s := &sampler{mesh: m, until: make([]float64, len(m))}
	total := 0.0
	for i, t := range m {
		total += t.area()
		s.until[i] = total
	}
	return s
}

// sample returns a point and the index of its triangle.
func (s *sampler) sample(r *source) (p vec, i int) {
	at := r.Float64() * s.until[len(s.until)-1]
	i = min(sort.SearchFloat64s(s.until, at), len(s.mesh)-1)
	u, v := r.Float64(), r.Float64()
	if u+v > 1 { // the other half of the parallelogram, folded back
		u, v = 1-u, 1-v
	}
	t := s.mesh[i]
	return t[0].add(t[1].sub(t[0]).times(u)).add(t[2].sub(t[0]).times(v)), i
}
