package corrupt

import (
	"math"

	"github.com/wiseft/wiseft/datasets/corrupt/internal/precise"
)

func init() {
	Register(Corruption{
		Name: "lidar",
		Doc: "keep the points visible to a scanner on one side, on lines one degree of elevation apart, 768 points; " +
			"severity is the side, not the strength",
		Source:    modelNet40C + " and occlusion.py",
		Note:      ownRenderer,
		Levels:    views,
		Unordered: true,
		Cloud:     lidar,
	})
}

// lidar moves the points that a camera sees to lines of elevation one degree apart: of each degree, seen from the
// scanner, the middle half moves to the line in its middle, and the rest is removed.
func lidar(rng Rand, severity int, c *Cloud) {
	cam := newCamera(5*math.Pi/8, viewAngle(rng, severity), 5)
	total := min(len(c.Points), modelNet40CPoints)
	seen := c.view(rng, cam, total)
	lines := scanLines(seen, cam.eye)
	if len(lines) == 0 {
		lines = seen // an object too small to meet a line
	}
	c.Points = resize(c.Points, max(1, 3*total/4))
	for i := range c.Points {
		c.Points[i] = toMesh(lines[rng.IntN(len(lines))])
	}
	c.round()
}

// scanLines moves points along their circle around the scanner, in the plane through its vertical axis, to their
// line.
func scanLines(points []Point, eye Point) []Point {
	const degree = math.Pi / 180
	elevation := make([]float64, len(points))
	for i, p := range points {
		elevation[i] = precise.Acos((p[2] - eye[2]) / math.Sqrt(squaredDistance64(p, eye)))
	}
	lowest := math.Inf(1)
	for _, e := range elevation {
		lowest = min(lowest, e)
	}
	var lines []Point
	for i, p := range points {
		steps := (elevation[i] - lowest) / degree
		line := math.Floor(steps)
		if within := steps - line; within < 0.25 || within >= 0.75 {
			continue
		}
		sin, cos := precise.Sincos(lowest + (line+0.5)*degree)
		radius := math.Sqrt(squaredDistance64(p, eye))
		x, y := p[0]-eye[0], p[1]-eye[1]
		flat := math.Sqrt(float64(x*x) + float64(y*y))
		lines = append(lines, Point{
			eye[0] + float64(radius*sin*x/flat), eye[1] + float64(radius*sin*y/flat), eye[2] + float64(radius*cos),
		})
	}
	return lines
}
