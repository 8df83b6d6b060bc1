package corrupt

import (
	"math"
)

// neighbours is how many nearest points the normal of the surface at a point is estimated from.
const neighbours = 12

// disc is the piece of surface that a point represents in rendering.
type disc struct {
	centre, normal Point
	radius         float64
}

// surface covers a cloud with discs. The radius of a disc is the distance to its sixth neighbour, which leaves few
// holes in a uniformly sampled surface; its normal is estimated from the neighbours. If points coincide or there is
// only one, discs have the smallest radius.
func surface(points []Point) []disc {
	const leastRadius, mostRadius = 0.02, 0.25
	discs := make([]disc, len(points))
	near := make([]neighbour, 0, neighbours+1)
	for i, p := range points {
		near = nearestOf(near[:0], points, p)
		radius := leastRadius
		if len(near) > 1 {
			sixth := near[min(6, len(near)-1)]
			radius = min(max(math.Sqrt(sixth.squared), leastRadius), mostRadius)
		}
		discs[i] = disc{p, facing(points, near), radius}
	}
	return discs
}

type neighbour struct {
	index   int
	squared float64 // distance
}

// nearestOf appends the nearest points of p to dst, which is empty, nearest first. p itself, being one of points, is
// the first.
func nearestOf(dst []neighbour, points []Point, p Point) []neighbour {
	for i, q := range points {
		d := squaredDistance64(p, q)
		if len(dst) > neighbours && d >= dst[len(dst)-1].squared {
			continue
		}
		if len(dst) <= neighbours {
			dst = append(dst, neighbour{})
		}
		k := len(dst) - 1
		for ; k > 0 && d < dst[k-1].squared; k-- {
			dst[k] = dst[k-1]
		}
		dst[k] = neighbour{i, d}
	}
	return dst
}

// facing returns the direction in which the points of near have the least variance: the eigenvector of the smallest
// eigenvalue of their covariance C, by power iteration on trace(C) I - C.
func facing(points []Point, near []neighbour) Point {
	var mean Point
	for _, q := range near {
		for k := range mean {
			mean[k] += points[q.index][k] / float64(len(near))
		}
	}
	var m matrix
	trace := 0.0
	for _, q := range near {
		p := points[q.index]
		for i := range 3 {
			for k := range 3 {
				m[i][k] -= float64((p[i] - mean[i]) * (p[k] - mean[k]))
			}
			trace += float64((p[i] - mean[i]) * (p[i] - mean[i]))
		}
	}
	for i := range 3 {
		m[i][i] += trace
	}
	normal := Point{0.48, 0.6, 0.64} // of length 1, and unlikely to be orthogonal to the result
	for range 32 {
		next := normal.row(&m)
		length := math.Sqrt(dot(next, next))
		if length == 0 {
			break // all points coincide
		}
		for k := range next {
			normal[k] = next[k] / length
		}
	}
	return normal
}

func dot(p, q Point) float64 {
	return float64(p[0]*q[0]) + float64(p[1]*q[1]) + float64(p[2]*q[2])
}
