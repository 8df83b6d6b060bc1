package corrupt

import "math"

// Half the reference's window in pixels and half its focal length: a quarter of the work, and still several times
// more pixels than points.
const (
	imageWidth, imageHeight = 540, 360
	focalLength             = 182.5
	middleColumn, middleRow = imageWidth/2 - 0.5, imageHeight/2 - 0.5
)

// ownRenderer is the Note of corruptions that render a cloud from a camera.
const ownRenderer = "not the official renderer: the reference renders the object's mesh with Open3D; here rays " +
	"hit discs around the cloud's points, which must be y up, as ModelNet40's HDF5 files have them"

// camera is at eye and points along the third row of axes. The first two rows point right and down.
type camera struct {
	axes matrix
	eye  Point
}

// newCamera rotates a camera that points along z about x and then about z, and moves it to the given distance from
// the origin.
func newCamera(angleX, angleZ, distance float64) camera {
	r := turnZ(angleZ).times(turnX(angleX))
	c := camera{}
	for i := range 3 {
		for k := range 3 {
			c.axes[i][k] = r[k][i]
		}
		c.eye[i] = -float64(r[i][2] * distance)
	}
	return c
}

// look casts a ray through every pixel and returns the points at which the rays first meet a disc.
func (c *camera) look(discs []disc) []Point {
	depth := make([]float64, imageWidth*imageHeight)
	for i := range discs {
		c.draw(depth, &discs[i])
	}
	var seen []Point
	for at, d := range depth {
		if d == 0 {
			continue
		}
		ray := c.ray(at%imageWidth, at/imageWidth)
		var p Point
		for k := range p {
			p[k] = c.eye[k] + float64(d*ray[k])
		}
		seen = append(seen, p)
	}
	return seen
}

// ray returns the direction through a pixel, scaled to length 1 along the camera's axis.
func (c *camera) ray(column, row int) (out Point) {
	right := (float64(column) - middleColumn) / focalLength
	down := (float64(row) - middleRow) / focalLength
	for k := range out {
		out[k] = float64(right*c.axes[0][k]) + float64(down*c.axes[1][k]) + c.axes[2][k]
	}
	return out
}

// draw rasterises d into depth: a pixel gets the distance of d if that is nearer than its value, where 0 means that
// the pixel is empty.
func (c *camera) draw(depth []float64, d *disc) {
	// All in the camera's frame: right, down, ahead.
	from := c.turn(Point{d.centre[0] - c.eye[0], d.centre[1] - c.eye[1], d.centre[2] - c.eye[2]})
	normal := c.turn(d.normal)
	ahead := from[2]
	if ahead <= d.radius {
		return // beside or behind the camera
	}
	// A ball about the centre spans no more than this within 37 degrees of the axis.
	span := focalLength * d.radius / (ahead - d.radius) * 1.25
	column := focalLength*from[0]/ahead + middleColumn
	row := focalLength*from[1]/ahead + middleRow
	plane := dot(from, normal)
	for v := max(0, int(math.Floor(row-span))); v <= min(imageHeight-1, int(math.Ceil(row+span))); v++ {
		down := (float64(v) - middleRow) / focalLength
		slopeOfRow := float64(down*normal[1]) + normal[2]
		for u := max(0, int(math.Floor(column-span))); u <= min(imageWidth-1, int(math.Ceil(column+span))); u++ {
			right := (float64(u) - middleColumn) / focalLength
			t := plane / (float64(right*normal[0]) + slopeOfRow)
			if !(t > 0) || math.IsInf(t, 1) {
				continue // seen edge on
			}
			off := Point{float64(t*right) - from[0], float64(t*down) - from[1], t - ahead}
			if at := v*imageWidth + u; dot(off, off) <= d.radius*d.radius && (depth[at] == 0 || t < depth[at]) {
				depth[at] = t
			}
		}
	}
}

// turn returns a direction in the camera's frame.
func (c *camera) turn(p Point) Point {
	return Point{dot(p, c.axes[0]), dot(p, c.axes[1]), dot(p, c.axes[2])}
}

// toMesh rotates a cloud with y up into the frame of meshes, z up, or back.
func toMesh(p Point) Point { return Point{-p[0], p[2], p[1]} }

// view returns as many points as total of the points of c that the camera sees, with c in the frame of meshes and
// scaled to the unit box. They are chosen at random, with repetition if the camera sees fewer.
func (c *Cloud) view(rng Rand, cam camera, total int) []Point {
	points := make([]Point, len(c.Points))
	for i, p := range c.Points {
		points[i] = toMesh(p)
	}
	box := Cloud{Points: points}
	box.unitBox64()
	seen := cam.look(surface(points))
	if len(seen) == 0 {
		seen = points // all discs are seen edge on
	}
	out := make([]Point, total)
	if len(seen) < total {
		for i := range out {
			out[i] = seen[rng.IntN(len(seen))]
		}
		return out
	}
	for i := range out {
		k := i + rng.IntN(len(seen)-i)
		seen[i], seen[k] = seen[k], seen[i]
		out[i] = seen[i]
	}
	return out
}

// viewAngle draws the camera's angle about the vertical axis. A severity is a range of views here and no strength.
func viewAngle(rng Rand, severity int) float64 {
	middle := 2 * math.Pi * float64(severity) / 5
	return uniform(rng, middle-math.Pi/5, middle+math.Pi/5)
}
