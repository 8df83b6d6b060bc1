package corrupt

import (
	"math"
	"math/rand/v2"

	"github.com/wiseft/wiseft/datasets"
)

func init() {
	register(Corruption{
		Name:   "rotate",
		Doc:    "turn by a random angle about each of the three axes",
		Source: modelNetC,
		Levels: [Severities]string{
			"angles up to 6 degrees", "angles up to 12 degrees", "angles up to 18 degrees",
			"angles up to 24 degrees", "angles up to 30 degrees",
		},
		Apply: rotate,
	})
}

// rotate multiplies every point, as a row, by R = Rz Ry Rx. That applies the
// inverse of R; the reference does so, and the distribution differs in nothing but
// the order of the axes.
func rotate(rng *rand.Rand, severity int, dst *datasets.Sample) {
	limit := math.Pi / 30 * float64(severity)
	var sin, cos [3]float64
	for k := range 3 {
		sin[k], cos[k] = sincos(uniform(rng, -limit, limit))
	}
	rx := matrix{{1, 0, 0}, {0, cos[0], -sin[0]}, {0, sin[0], cos[0]}}
	ry := matrix{{cos[1], 0, sin[1]}, {0, 1, 0}, {-sin[1], 0, cos[1]}}
	rz := matrix{{cos[2], -sin[2], 0}, {sin[2], cos[2], 0}, {0, 0, 1}}
	r := rz.times(ry.times(rx))
	for i := 0; i+2 < len(dst.X); i += 3 {
		x, y, z := float64(dst.X[i]), float64(dst.X[i+1]), float64(dst.X[i+2])
		for k := range 3 {
			dst.X[i+k] = float32(float64(x*r[0][k]) + float64(y*r[1][k]) + float64(z*r[2][k]))
		}
	}
}

type matrix [3][3]float64

func (a matrix) times(b matrix) (c matrix) {
	for i := range 3 {
		for k := range 3 {
			c[i][k] = float64(a[i][0]*b[0][k]) + float64(a[i][1]*b[1][k]) + float64(a[i][2]*b[2][k])
		}
	}
	return c
}

// sincos returns the sine and cosine of an angle of at most pi/6 by their Taylor
// series, whose first term left out, x^20/20!, is below 2^-70. Unlike math.Sincos,
// it gives the same bits on every processor.
func sincos(x float64) (sin, cos float64) {
	x2 := float64(x * x)
	sin, cos = 1, 1
	for k := 9; k >= 1; k-- {
		sin = 1 - float64(x2*sin)/float64(2*k*(2*k+1))
		cos = 1 - float64(x2*cos)/float64(2*k*(2*k-1))
	}
	return float64(x * sin), cos
}
