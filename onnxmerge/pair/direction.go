package pair

import "math"

// directions are those of short vectors of one shape: a search for one that is similar to another compares thousands, and
// few are near to it.
type directions struct {
	n    int       // elements
	unit []float32 // of each vector: without its mean, of length 1. Not numbers if it has no direction.
}

const (
	// minDirections is the number of vectors from which directions pay.
	minDirections = 32
	// directionSlack bounds the rounding of a product of two directions.
	directionSlack = 1e-4
)

// directionsOf returns the directions of uses of a that have this shape; nil if they are no short vectors, or few.
func (s *search) directionsOf(shape uint64, uses []*use) *directions {
	if d, ok := s.directions[shape]; ok {
		return d
	}
	var d *directions
	if len(uses) >= minDirections && uses[0].tensor.Len() < minReliableLen && IsVector(uses[0].shape) {
		d = &directions{n: int(uses[0].tensor.Len())}
		for _, u := range uses {
			d.unit = append(d.unit, direction(u, d.n)...)
		}
	}
	s.directions[shape] = d
	return d
}

// direction returns the direction of a vector of n elements.
func direction(u *use, n int) []float32 {
	unit := make([]float32, n)
	x, ok := vectorValues(u.tensor)
	if !ok || len(x) != n {
		unit[0] = float32(math.NaN())
		return unit
	}
	m, deviation := moments(x)
	for i, v := range x {
		unit[i] = float32((v - m) / (deviation * math.Sqrt(float64(n))))
	}
	return unit
}

// reaches reports whether the correlation of a vector with number i may be r or more.
func (d *directions) reaches(unit []float32, i int, r float64) bool {
	sum := float32(0)
	for k, v := range d.unit[i*d.n:][:d.n] {
		sum += v * unit[k]
	}
	return !(float64(sum) < r-directionSlack) // also if it is not a number
}
