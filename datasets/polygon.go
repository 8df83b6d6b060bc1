package datasets

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// maxConcave bounds the corners of a polygon that is not a fan of triangles: cutting it takes their square in time.
const maxConcave = 1 << 12

// addPolygon adds a polygon, given by indices of vertices, as triangles that cover it once, so that points are drawn
// by its area: a fan about its first corner where that covers it, which it does for every convex polygon, else by
// clipping ears (Meisters, American Mathematical Monthly 82, 1975). A polygon that is not flat is divided as its
// projection along its mean normal is.
func (m *mesh) addPolygon(corners []int) error {
	if len(corners) < 3 {
		return fmt.Errorf("a face has %d corners, want 3 or more", len(corners))
	}
	for _, c := range corners {
		if c < 0 || c >= len(m.vertices) {
			return fmt.Errorf("a face has vertex index %d, but there are %d vertices", c, len(m.vertices))
		}
	}
	if len(corners) == 3 {
		m.triangles = append(m.triangles, [3]int(corners))
		return nil
	}
	p := m.project(corners)
	if p.isFan() {
		for k := 2; k < len(corners); k++ {
			m.triangles = append(m.triangles, [3]int{corners[0], corners[k-1], corners[k]})
		}
		return nil
	}
	if len(corners) > maxConcave {
		return fmt.Errorf("a concave face has %d corners; at most %d are supported", len(corners), maxConcave)
	}
	triangles, ok := p.clipEars()
	if !ok {
		return errors.New("the sides of a face cross each other, so that it has no area; divide it into triangles")
	}
	for _, t := range triangles {
		m.triangles = append(m.triangles, [3]int{corners[t[0]], corners[t[1]], corners[t[2]]})
	}
	return nil
}

// polygon is a polygon in the plane, counter-clockwise.
type polygon struct {
	at   [][2]float64
	area float64 // twice its area
}

// project returns the projection of a polygon along the axis on which its normal is longest. The normal is the sum of
// the cross products of the corners (Newell).
func (m *mesh) project(corners []int) polygon {
	var normal [3]float64
	origin := m.vertices[corners[0]]
	for i, c := range corners {
		a, b := m.vertices[c], m.vertices[corners[(i+1)%len(corners)]]
		for k := range 3 {
			u, v := (k+1)%3, (k+2)%3
			normal[k] += float64((a[u]-origin[u])*(b[v]-origin[v])) - float64((a[v]-origin[v])*(b[u]-origin[u]))
		}
	}
	along := 0
	for k := range normal {
		if math.Abs(normal[k]) > math.Abs(normal[along]) {
			along = k
		}
	}
	u, v := (along+1)%3, (along+2)%3
	if normal[along] < 0 {
		u, v = v, u
	}
	p := polygon{area: math.Abs(normal[along])}
	for _, c := range corners {
		p.at = append(p.at, [2]float64{m.vertices[c][u] - origin[u], m.vertices[c][v] - origin[v]})
	}
	return p
}

// cross is twice the area of a triangle, negative if it is clockwise.
func (p *polygon) cross(a, b, c int) float64 {
	o, q, r := p.at[a], p.at[b], p.at[c]
	return float64((q[0]-o[0])*(r[1]-o[1])) - float64((q[1]-o[1])*(r[0]-o[0]))
}

// flat is the part of the area below which a triangle has none: roundings of float32 coordinates.
const flat = 1e-7

// isFan reports whether the triangles about corner 0 cover the polygon once, which they do if none is clockwise.
func (p *polygon) isFan() bool {
	total := 0.0
	for k := 2; k < len(p.at); k++ {
		area := p.cross(0, k-1, k)
		if area < -flat*p.area {
			return false
		}
		total += math.Abs(area)
	}
	return !(total > (1+flat*float64(len(p.at)))*p.area)
}

// clipEars divides the polygon into triangles of its corners. It reports false if it is not simple.
func (p *polygon) clipEars() (triangles [][3]int, ok bool) {
	left := make([]int, len(p.at))
	for i := range left {
		left[i] = i
	}
	total, at := 0.0, 0
	for tried := 0; len(left) > 3; {
		n := len(left)
		a, b, c := left[(at+n-1)%n], left[at%n], left[(at+1)%n]
		if !p.isEar(left, a, b, c) {
			if tried++; tried > n {
				return nil, false
			}
			at = (at + 1) % n
			continue
		}
		triangles = append(triangles, [3]int{a, b, c})
		total += math.Abs(p.cross(a, b, c))
		left = slices.Delete(left, at%n, at%n+1)
		tried, at = 0, at%len(left)
	}
	last := [3]int(left)
	total += math.Abs(p.cross(last[0], last[1], last[2]))
	return append(triangles, last), math.Abs(total-p.area) <= 1e-6*p.area
}

// isEar reports whether corner b can be cut off: the triangle with its neighbours a and c is not clockwise, and has no
// other corner inside.
func (p *polygon) isEar(left []int, a, b, c int) bool {
	if p.cross(a, b, c) < -flat*flat*p.area {
		return false
	}
	for _, k := range left {
		if k != a && k != b && k != c && p.cross(a, b, k) > 0 && p.cross(b, c, k) > 0 && p.cross(c, a, k) > 0 {
			return false
		}
	}
	return true
}
