package corrupt

import (
	"fmt"

	"github.com/wiseft/wiseft/datasets"
)

// Point is x, y, z.
type Point [3]float64

// Cloud is a point cloud while it is corrupted.
type Cloud struct {
	Points []Point
	// Double is set if the reference's result is float64; else every coordinate is a float32 value.
	Double bool
	// AnyOrder permits any order of the resulting points, so that the order of the reference need not be computed.
	AnyOrder bool

	scratch scratch
}

// scratch is memory that is reused for the next sample.
type scratch struct {
	points  []Point
	singles []float32
	numbers []ranked
	draws   []ranked
	sorted  []ranked
	starts  []int32
	buckets []int32
	hole    hole
}

// resize returns s with n elements, whose values are unspecified.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, n+n/2)
	}
	return s[:n]
}

// load sets c to the cloud of s. name and i are for the error.
func (c *Cloud) load(s *datasets.Sample, corruption, name string, i int) error {
	n, ok := s.Points()
	if !ok || n == 0 {
		return &datasets.FormatError{
			Path: name,
			Detail: fmt.Sprintf("sample %d has shape %v: only clouds, [points 3], can be corrupted by %s",
				i, s.Shape, corruption),
		}
	}
	c.Double, c.AnyOrder = false, false
	c.Points = resize(c.Points, n)
	for k := range c.Points {
		c.Points[k] = Point{float64(s.X[3*k]), float64(s.X[3*k+1]), float64(s.X[3*k+2])}
	}
	return nil
}

// store sets dst to the cloud, rounded to float32, and leaves dst's label.
func (c *Cloud) store(dst *datasets.Sample) {
	dst.X = c.appendSingles(dst.X[:0])
	dst.Shape = append(dst.Shape[:0], len(c.Points), 3)
}

func (c *Cloud) appendSingles(x []float32) []float32 {
	for _, p := range c.Points {
		x = append(x, float32(p[0]), float32(p[1]), float32(p[2]))
	}
	return x
}

// single rounds to float32, as assigning to numpy's float32 arrays does.
func single(v float64) float64 { return float64(float32(v)) }

// round rounds all coordinates to float32.
func (c *Cloud) round() {
	for i := range c.Points {
		p := &c.Points[i]
		*p = Point{single(p[0]), single(p[1]), single(p[2])}
	}
}

// normalize applies a normalization of package datasets, which works in float32.
func (c *Cloud) normalize(by func(x []float32)) {
	x := c.appendSingles(c.scratch.singles[:0])
	by(x)
	for i := range c.Points {
		c.Points[i] = Point{float64(x[3*i]), float64(x[3*i+1]), float64(x[3*i+2])}
	}
	c.scratch.singles = x
}

// reorder moves the point at from(k) to k.
func (c *Cloud) reorder(from func(k int) int) {
	out := resize(c.scratch.points, len(c.Points))
	for k := range out {
		out[k] = c.Points[from(k)]
	}
	c.scratch.points, c.Points = c.Points, out
}

// choose keeps the points at these indices, in that order.
func (c *Cloud) choose(indices []int) {
	out := resize(c.scratch.points, len(indices))
	for k, i := range indices {
		out[k] = c.Points[i]
	}
	c.scratch.points, c.Points = c.Points, out
}

// remove deletes the points at these indices, which need not be sorted but differ.
func (c *Cloud) remove(indices []int) {
	gone := make([]bool, len(c.Points))
	for _, i := range indices {
		gone[i] = true
	}
	kept := c.Points[:0]
	for i, p := range c.Points {
		if !gone[i] {
			kept = append(kept, p)
		}
	}
	c.Points = kept
}

// squaredNorm returns (x^2 + y^2) + z^2 in float32.
func squaredNorm(p Point) float32 {
	x, y, z := float32(p[0]), float32(p[1]), float32(p[2])
	return float32(x*x) + float32(y*y) + float32(z*z)
}

// squaredDistance is computed in float32; all coordinates must be float32 values.
func squaredDistance(p, q Point) float32 {
	x, y, z := float32(p[0])-float32(q[0]), float32(p[1])-float32(q[1]), float32(p[2])-float32(q[2])
	return float32(x*x) + float32(y*y) + float32(z*z)
}
