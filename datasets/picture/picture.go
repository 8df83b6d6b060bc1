// Package picture draws samples: point clouds from a view point, still or turning, and images as thumbnails; as
// pictures of package image, or in braille characters for a terminal.
//
// Clouds are drawn in parallel projection with the axis y up, as in ModelNet40's HDF5 files. Near points are blue and
// far ones grey, over a transparent ground: both colours have a contrast of at least 2.5 with white and with near
// black, so that a picture can be read in a light and in a dark page. The same sample and view give the same bytes, on
// processors of one architecture.
package picture

import (
	"cmp"
	"image"
	"image/color"
	"math"
	"slices"
)

// Frame is the ball of the coordinates that fills a picture. Clouds that are to be compared need one frame.
type Frame struct {
	Center [3]float64
	Radius float64
}

// FrameOf returns the frame of a cloud: the middle of its box, and the distance of the farthest point from it. Values
// that are not finite are left out.
func FrameOf(points []float32) Frame {
	var low, high [3]float64
	for k := range 3 {
		low[k], high[k] = math.Inf(1), math.Inf(-1)
	}
	for i := 0; i+3 <= len(points); i += 3 {
		for k := range 3 {
			if v := float64(points[i+k]); !math.IsInf(v, 0) && !math.IsNaN(v) {
				low[k], high[k] = min(low[k], v), max(high[k], v)
			}
		}
	}
	var f Frame
	for k := range 3 {
		if low[k] <= high[k] {
			f.Center[k] = (low[k] + high[k]) / 2
		}
	}
	for i := 0; i+3 <= len(points); i += 3 {
		d := 0.0
		for k := range 3 {
			d += sq(float64(points[i+k]) - f.Center[k])
		}
		if !math.IsInf(d, 0) && !math.IsNaN(d) {
			f.Radius = max(f.Radius, math.Sqrt(d))
		}
	}
	return f
}

func sq(v float64) float64 { return v * v }

// View is where a cloud is seen from.
type View struct {
	Azimuth   float64 // degrees around the axis y; 0 looks along -z
	Elevation float64 // degrees above the plane of x and z
}

// Default looks from the front, the right and above.
var Default = View{Azimuth: 35, Elevation: 20}

// projected is a point of the picture's square from -1 to 1, x to the right and y down, and its depth from -1 (far) to
// 1.
type projected struct{ x, y, depth float64 }

// project returns the points in the frame, the farthest first. The order of equally far points is that of the cloud.
func (v View) project(points []float32, f Frame) []projected {
	sinA, cosA := math.Sincos(v.Azimuth * math.Pi / 180)
	sinE, cosE := math.Sincos(v.Elevation * math.Pi / 180)
	radius := f.Radius
	if radius == 0 {
		radius = 1
	}
	list := make([]projected, 0, len(points)/3)
	for i := 0; i+3 <= len(points); i += 3 {
		x := (float64(points[i]) - f.Center[0]) / radius
		y := (float64(points[i+1]) - f.Center[1]) / radius
		z := (float64(points[i+2]) - f.Center[2]) / radius
		right, toward := cosA*x-sinA*z, sinA*x+cosA*z
		p := projected{right, -(cosE*y - sinE*toward), sinE*y + cosE*toward}
		if math.Abs(p.x) <= margin && math.Abs(p.y) <= margin { // false for NaN
			list = append(list, p)
		}
	}
	slices.SortStableFunc(list, func(a, b projected) int { return cmp.Compare(a.depth, b.depth) })
	return list
}

// margin is half the side of what is drawn, in radii of the frame.
const margin = 1.05

// shades is how many colours clouds have.
const shades = 15

// palette is transparent first, and then from far to near.
var palette = makePalette()

func makePalette() color.Palette {
	far, near := [3]float64{139, 152, 169}, [3]float64{31, 111, 235}
	p := color.Palette{color.NRGBA{}}
	for i := range shades {
		t := float64(i) / (shades - 1)
		mix := func(k int) uint8 { return uint8(math.Round(far[k] + t*(near[k]-far[k]))) }
		p = append(p, color.NRGBA{mix(0), mix(1), mix(2), 255})
	}
	return p
}

// Cloud draws points, x y z each, in a square of size pixels.
func Cloud(points []float32, f Frame, v View, size int) *image.Paletted {
	m := image.NewPaletted(image.Rect(0, 0, size, size), palette)
	// The area of all discs is about half of the picture for a thousand points, and they never are smaller than a
	// pixel.
	dot := max(0.6, float64(size)*0.35/math.Sqrt(float64(max(len(points)/3, 256))))
	for _, p := range v.project(points, f) {
		shade := 1 + int(math.Round((min(max(p.depth, -1), 1)+1)/2*(shades-1)))
		disc(m, (p.x/margin+1)/2*float64(size), (p.y/margin+1)/2*float64(size), dot, uint8(shade))
	}
	return m
}

// disc sets the pixels whose centres are within radius of x and y.
func disc(m *image.Paletted, x, y, radius float64, shade uint8) {
	side := m.Rect.Dx()
	for row := max(0, int(y-radius)); row < side && float64(row)+0.5 <= y+radius; row++ {
		for column := max(0, int(x-radius)); column < side && float64(column)+0.5 <= x+radius; column++ {
			if sq(float64(column)+0.5-x)+sq(float64(row)+0.5-y) <= sq(radius) {
				m.Pix[row*m.Stride+column] = shade
			}
		}
	}
}

// Turn returns one turn of a cloud in frames pictures, the first from v.
func Turn(points []float32, f Frame, v View, size, frames int) []*image.Paletted {
	list := make([]*image.Paletted, frames)
	for i := range list {
		at := v
		at.Azimuth += 360 * float64(i) / float64(frames)
		list[i] = Cloud(points, f, at, size)
	}
	return list
}
