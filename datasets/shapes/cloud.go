package shapes

import "math"

// cadHistory, scanHistory and sphereHistory describe the functions here in Info.History.
const (
	cadHistory  = "whole surface, uniform by area, heading within 10 degrees of the front"
	scanHistory = "one-sided view from 5 to 40 degrees above, up to 3 holes, up to 30 % floor and wall, " +
		"normal noise of 0.3 to 1.5 % of the object's size, any heading"
	sphereHistory = "centred on the mean, farthest point at distance 1"
)

// cadCloud samples the whole surface.
func cadCloud(r *source, m mesh, points int) []vec {
	s := newSampler(m.yaw(r.angle(10)))
	cloud := make([]vec, points)
	for i := range cloud {
		cloud[i], _ = s.sample(r)
	}
	return cloud
}

// toUnitSphere moves the mean to the origin and scales the farthest point to
// distance 1.
func toUnitSphere(cloud []vec) {
	var mean vec
	for _, p := range cloud {
		mean = mean.add(p.times(1 / float64(len(cloud))))
	}
	radius := 0.0
	for i := range cloud {
		cloud[i] = cloud[i].sub(mean)
		radius = max(radius, cloud[i].norm())
	}
	if radius == 0 {
		return
	}
	for i := range cloud {
		cloud[i] = cloud[i].times(1 / radius)
	}
}

// scanCloud simulates a depth camera in front of an object in a room. The camera is far away, so that its rays are
// parallel.
func scanCloud(r *source, m mesh, points int) []vec {
	m.yaw(r.span(0, 2*math.Pi)) // the side that faces the camera
	lo, hi := m.bounds()
	size := hi.sub(lo).norm()
	tilt := r.span(5, 40) * (math.Pi / 180)
	noise := size * r.span(0.003, 0.015)

	background := int(float64(points) * r.span(0, 0.3))
	room := newRoom(r, lo, hi)
	object := newView(r, m, tilt, size)
	cloud := make([]vec, 0, points)
	for range points - background {
		cloud = append(cloud, object.sample(r))
	}
	for range background {
		cloud = append(cloud, room.sample(r))
	}
	heading := r.span(0, 2*math.Pi)
	for i := range cloud {
		cloud[i] = cloud[i].add(r.normal(noise)).yaw(heading)
	}
	return cloud
}

// room is the floor under an object and, in some scans, a wall behind it.
type room struct {
	wall   float64 // share of the points that lie on the wall
	lo, hi vec     // the box of floor and wall
}

func newRoom(r *source, lo, hi vec) room {
	margin := r.span(0.05, 0.3) * hi.sub(lo).norm()
	lo[0], lo[2] = lo[0]-margin, lo[2]-margin*r.span(0.1, 1)
	hi[0], hi[2] = hi[0]+margin, hi[2]+margin
	room := room{lo: lo, hi: hi}
	if r.chance(0.4) {
		room.wall = r.span(0.2, 0.8)
	}
	return room
}

func (m room) sample(r *source) vec {
	p := vec{r.span(m.lo[0], m.hi[0]), m.lo[1], r.span(m.lo[2], m.hi[2])}
	if r.chance(m.wall) {
		p[1], p[2] = r.span(m.lo[1], m.hi[1]), m.lo[2]
	}
	return p
}

// view samples the part of a mesh that the camera sees and that no hole covers.
type view struct {
	surface *sampler
	tilt    float64 // radians that the camera looks down
	seen    mesh    // the mesh in camera axes: z towards the camera
	frames  [][4]float64
	depth   float64 // how far in front a triangle must be to hide a point
	holes   []hole
}

// hole is a ball in which the camera measured nothing.
type hole struct {
	centre vec
	radius float64
}

func newView(r *source, m mesh, tilt, size float64) *view {
	v := &view{surface: newSampler(m), tilt: tilt, depth: 1e-6 * size, seen: append(mesh(nil), m...)}
	v.seen.pitch(tilt)
	v.frames = make([][4]float64, len(m))
	for i, t := range v.seen {
		lo, hi := mesh{t}.bounds()
		v.frames[i] = [4]float64{lo[0], hi[0], lo[1], hi[1]}
	}
	for range r.count(0, 3) {
		centre, _ := v.surface.sample(r)
		v.holes = append(v.holes, hole{centre, size * r.span(0.05, 0.18)})
	}
	return v
}

// sample returns a point that the camera sees.
func (v *view) sample(r *source) vec {
	const tries = 200 // enough to find 2 % of a surface 49 times in 50
	var p vec
	for range tries {
		var i int
		p, i = v.surface.sample(r)
		if !v.swallowed(p) && !v.hidden(p.pitch(v.tilt), i) {
			break
		}
	}
	return p
}

func (v *view) swallowed(p vec) bool {
	for _, h := range v.holes {
		if p.sub(h.centre).norm() < h.radius {
			return true
		}
	}
	return false
}

// hidden reports whether a triangle other than own lies between p, in camera
// axes, and the camera.
func (v *view) hidden(p vec, own int) bool {
	for i, f := range v.frames {
		if p[0] < f[0] || p[0] > f[1] || p[1] < f[2] || p[1] > f[3] || i == own {
			continue
		}
		if z, ok := v.seen[i].at(p[0], p[1]); ok && z > p[2]+v.depth {
			return true
		}
	}
	return false
}

// at returns the height z of t over (x, y), and whether t covers that point.
func (t triangle) at(x, y float64) (z float64, ok bool) {
	a, b, c := t[0], t[1], t[2]
	area := (b[0]-a[0])*(c[1]-a[1]) - (c[0]-a[0])*(b[1]-a[1])
	if area == 0 { // seen edge-on
		return 0, false
	}
	u := ((b[0]-x)*(c[1]-y) - (c[0]-x)*(b[1]-y)) / area
	v := ((c[0]-x)*(a[1]-y) - (a[0]-x)*(c[1]-y)) / area
	w := 1 - u - v
	return u*a[2] + v*b[2] + w*c[2], u >= 0 && v >= 0 && w >= 0
}
