package datasets

import (
	"fmt"
	"math"
	"sort"
)

// mesh is a surface of triangles.
type mesh struct {
	vertices  [][3]float64
	triangles [][3]int
}

// sample appends opt.points points, spread uniformly over the surface, to dst: a triangle
// by its area, and in it (1 - sqrt(u)) A + sqrt(u) (1 - v) B + sqrt(u) v C (Osada et al.,
// ACM TOG 21, 2002).
func (m *mesh) sample(dst []float32, opt fileOptions) ([]float32, error) {
	upTo := make([]float64, len(m.triangles)) // area of this triangle and those before
	total := 0.0
	for i, t := range m.triangles {
		total += m.area(t)
		upTo[i] = total
	}
	if !(total > 0) || math.IsInf(total, 0) {
		return nil, fmt.Errorf("mesh has area %g, so no points can be sampled", total)
	}
	for range opt.points {
		at := sort.SearchFloat64s(upTo, opt.rng.Float64()*total)
		t := m.triangles[min(at, len(m.triangles)-1)]
		a, b, c := m.vertices[t[0]], m.vertices[t[1]], m.vertices[t[2]]
		root, v := math.Sqrt(opt.rng.Float64()), opt.rng.Float64()
		for k := range 3 {
			p := float64((1-root)*a[k]) + float64(root*(1-v)*b[k]) + float64(root*v*c[k])
			dst = append(dst, float32(p))
		}
	}
	return dst, nil
}

// area is half the length of the cross product of two sides.
func (m *mesh) area(t [3]int) float64 {
	a, b, c := m.vertices[t[0]], m.vertices[t[1]], m.vertices[t[2]]
	var p, q [3]float64
	for k := range 3 {
		p[k], q[k] = b[k]-a[k], c[k]-a[k]
	}
	x := float64(p[1]*q[2]) - float64(p[2]*q[1])
	y := float64(p[2]*q[0]) - float64(p[0]*q[2])
	z := float64(p[0]*q[1]) - float64(p[1]*q[0])
	return math.Sqrt(float64(x*x)+float64(y*y)+float64(z*z)) / 2
}
