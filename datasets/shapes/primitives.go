package shapes

import "math"

// quad is a flat patch of four corners in turn.
func quad(a, b, c, d vec) mesh { return mesh{{a, b, c}, {a, c, d}} }

// box stands on y = 0, centred over the origin: width w along x, height h, depth d
// along z.
func box(w, h, d float64) mesh {
	return prism(d, [2]float64{-w / 2, 0}, [2]float64{w / 2, 0}, [2]float64{w / 2, h}, [2]float64{-w / 2, h})
}

// prism extrudes an outline in the xy plane by depth along z, centred on z = 0,
// and closes both ends. The outline must be star-shaped around the mean of its
// corners.
func prism(depth float64, outline ...[2]float64) mesh {
	var mid [2]float64
	for _, p := range outline {
		mid[0] += p[0] / float64(len(outline))
		mid[1] += p[1] / float64(len(outline))
	}
	var m mesh
	for i, p := range outline {
		q := outline[(i+1)%len(outline)]
		front := func(p [2]float64) vec { return vec{p[0], p[1], depth / 2} }
		back := func(p [2]float64) vec { return vec{p[0], p[1], -depth / 2} }
		m = append(m, triangle{front(mid), front(p), front(q)}, triangle{back(mid), back(p), back(q)})
		m = append(m, quad(front(p), front(q), back(q), back(p))...)
	}
	return m
}

// ring is a corner of a profile: a radius at a height.
type ring struct{ radius, y float64 }

// revolve turns a profile around the y axis in flat sides: 4 sides give a square
// whose corners are on the diagonals, many give a round body. A profile that
// starts or ends at radius 0 is closed there; otherwise it is open.
func revolve(sides int, profile ...ring) mesh {
	var m mesh
	for i := range sides {
		a := (float64(i) + 0.5) * (2 * math.Pi / float64(sides))
		b := a + 2*math.Pi/float64(sides)
		for k := range len(profile) - 1 {
			p, q := profile[k], profile[k+1]
			at := func(r ring, angle float64) vec {
				sin, cos := math.Sincos(angle)
				return vec{r.radius * cos, r.y, r.radius * sin}
			}
			if p.radius != 0 {
				m = append(m, triangle{at(p, a), at(p, b), at(q, b)})
			}
			if q.radius != 0 {
				m = append(m, triangle{at(p, a), at(q, b), at(q, a)})
			}
		}
	}
	return m
}

// roundSides is the number of sides of round bodies.
const roundSides = 14

// cylinder stands on y = 0, closed at both ends.
func cylinder(radius, h float64) mesh { return cone(radius, radius, h) }

// cone is a closed cylinder whose radius goes from bottom to top.
func cone(bottom, top, h float64) mesh {
	return revolve(roundSides, ring{0, 0}, ring{bottom, 0}, ring{top, h}, ring{0, h})
}

// ball is an ellipsoid that stands on y = 0.
func ball(w, h, d float64) mesh {
	const steps = 8
	var profile []ring
	for i := range steps + 1 {
		sin, cos := math.Sincos(math.Pi * float64(i) / steps)
		if i == 0 || i == steps {
			sin = 0
		}
		profile = append(profile, ring{sin / 2, (1 - cos) / 2})
	}
	return revolve(roundSides, profile...).scale(w, h, d)
}

// tube bends a round bar of the given thickness along an arc in the xy plane
// around the origin, from angle to angle in radians, anticlockwise from +x.
func tube(radius, thickness, from, to float64) mesh {
	const sides = 6
	steps := max(3, int(math.Ceil((to-from)*12/(2*math.Pi))))
	at := func(i, k int) vec {
		sin, cos := math.Sincos(2 * math.Pi * float64(k) / sides)
		bar := vec{radius + thickness/2*cos, 0, thickness / 2 * sin}
		return bar.roll(from + (to-from)*float64(i)/float64(steps))
	}
	var m mesh
	for i := range steps {
		for k := range sides {
			m = append(m, quad(at(i, k), at(i+1, k), at(i+1, k+1), at(i, k+1))...)
		}
	}
	return m
}

// bar is a straight round rod between two points.
func bar(thickness float64, from, to vec) mesh {
	const sides = 6
	axis := to.sub(from)
	across := axis.cross(vec{1, 0, 0})
	if other := axis.cross(vec{0, 0, 1}); other.norm() > across.norm() {
		across = other
	}
	across = across.times(thickness / 2 / across.norm())
	other := axis.cross(across).times(1 / axis.norm())
	at := func(end vec, k int) vec {
		sin, cos := math.Sincos(2 * math.Pi * float64(k) / sides)
		return end.add(across.times(cos)).add(other.times(sin))
	}
	var m mesh
	for k := range sides {
		m = append(m, quad(at(from, k), at(to, k), at(to, k+1), at(from, k+1))...)
	}
	return m
}
