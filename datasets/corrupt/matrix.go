package corrupt

import (
	"math"

	"github.com/wiseft/wiseft/datasets/corrupt/internal/precise"
)

type matrix [3][3]float64

func turnX(angle float64) matrix {
	sin, cos := precise.Sincos(angle)
	return matrix{{1, 0, 0}, {0, cos, -sin}, {0, sin, cos}}
}

func turnY(angle float64) matrix {
	sin, cos := precise.Sincos(angle)
	return matrix{{cos, 0, sin}, {0, 1, 0}, {-sin, 0, cos}}
}

func turnZ(angle float64) matrix {
	sin, cos := precise.Sincos(angle)
	return matrix{{cos, -sin, 0}, {sin, cos, 0}, {0, 0, 1}}
}

// row returns p, as a row, times m: one product and two fused operations for each coordinate, as numpy's BLAS
// computes it on processors with FMA.
func (p Point) row(m *matrix) (out Point) {
	for k := range 3 {
		out[k] = math.FMA(p[2], m[2][k], math.FMA(p[1], m[1][k], p[0]*m[0][k]))
	}
	return out
}

func (m matrix) times(n matrix) (out matrix) {
	for i := range 3 {
		out[i] = Point(m[i]).row(&n)
	}
	return out
}

// transform multiplies every point, as a row, by m.
func (c *Cloud) transform(m matrix) {
	x, y, z := m[0], m[1], m[2] // row, inlined by hand: it takes most of a rotation's time
	for i := range c.Points {
		p := &c.Points[i]
		a, b, c := p[0], p[1], p[2]
		p[0] = math.FMA(c, z[0], math.FMA(b, y[0], a*x[0]))
		p[1] = math.FMA(c, z[1], math.FMA(b, y[1], a*x[1]))
		p[2] = math.FMA(c, z[2], math.FMA(b, y[2], a*x[2]))
	}
}
