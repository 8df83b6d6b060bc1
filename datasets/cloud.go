package datasets

import (
	"math"
	"math/rand/v2"
	"slices"
)

// The functions here work in place on clouds: x, y, z of one point after the other. Products are rounded to float32
// before they are added, as numpy does, so that no processor computes them with one fused operation, which gives
// other bits.

// UnitSphere moves the centroid to the origin and divides by the largest norm. It
// follows the order of operations of the usual pc_normalize in numpy:
//
//	pc -= mean(pc, axis=0); pc /= max(sqrt(sum(pc**2, axis=1)))
//
// with the mean added row by row in float32. Where all points coincide it leaves
// them at the origin (numpy gives NaN).
func UnitSphere(x []float32) {
	if len(x) < 3 {
		return
	}
	var mean [3]float32
	for i := 0; i+2 < len(x); i += 3 {
		mean[0] += x[i]
		mean[1] += x[i+1]
		mean[2] += x[i+2]
	}
	n := float32(len(x) / 3)
	var largest float32
	for i := 0; i+2 < len(x); i += 3 {
		for k := range 3 {
			x[i+k] -= mean[k] / n
		}
		largest = max(largest, squaredNorm(x[i], x[i+1], x[i+2]))
	}
	if largest == 0 {
		return
	}
	radius := float32(math.Sqrt(float64(largest)))
	for i := range x {
		x[i] /= radius
	}
}

func squaredNorm(x, y, z float32) float32 {
	return float32(x*x) + float32(y*y) + float32(z*z)
}

// UnitBox moves the centre of the bounding box to the origin and scales its
// longest side to 2, as ModelNet40-C does. Where all points coincide it leaves them
// at the origin.
func UnitBox(x []float32) {
	if len(x) < 3 {
		return
	}
	low := [3]float32(x)
	high := low
	for i := 3; i+2 < len(x); i += 3 {
		for k := range 3 {
			low[k] = min(low[k], x[i+k])
			high[k] = max(high[k], x[i+k])
		}
	}
	// The sides are those of the moved cloud, whose coordinates were rounded.
	var longest float32
	for k := range 3 {
		centre := float32((high[k] + low[k]) / 2)
		for i := k; i < len(x); i += 3 {
			x[i] -= centre
		}
		longest = max(longest, (high[k]-centre)-(low[k]-centre))
	}
	if longest == 0 {
		return
	}
	ratio := 2 / longest
	for i := range x {
		x[i] *= ratio
	}
}

// FarthestPoints moves m points to the front of x: point 0, and then repeatedly the point that is farthest from all
// chosen ones (the first of several). It computes m*n distances for n points; m must be at most n. The points after
// the first m are in no specified order.
func FarthestPoints(x []float32, m int) { farthestPoints(x, m, 0) }

// farthestPoints is FarthestPoints with another first point.
func farthestPoints(x []float32, m, start int) {
	points := slices.Clone(x)
	n := len(points) / 3
	distance := slices.Repeat([]float32{float32(math.Inf(1))}, n)
	last := start
	for k := range m {
		p := [3]float32(points[3*last:])
		copy(x[3*k:], p[:])
		next, far := 0, float32(-1)
		for i := range distance {
			q := points[3*i : 3*i+3 : 3*i+3]
			d := min(distance[i], squaredNorm(q[0]-p[0], q[1]-p[1], q[2]-p[2]))
			distance[i] = d
			if d > far {
				next, far = i, d
			}
		}
		last = next
	}
}

// choosePoints moves m points, chosen at random without replacement, to the front of x.
func choosePoints(x []float32, m int, rng *rand.Rand) {
	n := len(x) / 3
	for i := range m {
		j := i + rng.IntN(n-i)
		for k := range 3 {
			x[3*i+k], x[3*j+k] = x[3*j+k], x[3*i+k]
		}
	}
}
