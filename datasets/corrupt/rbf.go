package corrupt

import (
	"math"
	"sync"

	"github.com/wiseft/wiseft/datasets/corrupt/internal/precise"
)

const (
	rbfRadius  = 0.5
	rbfCentres = lattice * lattice * lattice
	rbfSize    = rbfCentres + 4 // and a linear polynomial
)

var rbfLevels = [Severities]string{"moved by 0.025", "moved by 0.05", "moved by 0.075", "moved by 0.1",
	"moved by 0.125"}

// rbf interpolates with radial basis functions phi and a linear polynomial (Forti and Rozza, Int. J. Comput. Fluid
// Dyn. 28, 2014): with centres X and H = [phi 1 X; 1' 0 0; X' 0 0], the weights w of moved centres Y solve H w = [Y;
// 0]. H is the same for all clouds.
type rbf struct {
	basis func(squaredDistance float64) float64

	once    sync.Once
	centres [rbfCentres]Point
	solver  linearSolver
}

func (f *rbf) init() {
	step := func(i int) float64 { return float64(i)/2 - 1 }
	for i := range f.centres { // x runs fastest, then z, then y: numpy's meshgrid
		f.centres[i] = Point{step(i % lattice), step(i / (lattice * lattice)), step(i / lattice % lattice)}
	}
	h := make([][]float64, rbfSize)
	for i := range h {
		h[i] = make([]float64, rbfSize)
	}
	for i, p := range f.centres {
		for j, q := range f.centres {
			h[i][j] = f.basis(squaredDistance64(p, q))
		}
		h[i][rbfCentres], h[rbfCentres][i] = 1, 1
		for k := range p {
			h[i][rbfCentres+1+k], h[rbfCentres+1+k][i] = p[k], p[k]
		}
	}
	f.solver = newLinearSolver(h)
}

func squaredDistance64(p, q Point) float64 {
	x, y, z := p[0]-q[0], p[1]-q[1], p[2]-q[2]
	return float64(x*x) + float64(y*y) + float64(z*z)
}

// at returns the position of p under the deformation with these weights.
func (f *rbf) at(p Point, weights *[3][]float64) (out Point) {
	for i, q := range f.centres {
		phi := f.basis(squaredDistance64(p, q))
		for k := range out {
			out[k] += float64(phi * weights[k][i])
		}
	}
	for k := range out {
		w := weights[k][rbfCentres:]
		out[k] += w[0] + float64(p[0]*w[1]) + float64(p[1]*w[2]) + float64(p[2]*w[3])
	}
	return out
}

// distortRBF moves every centre by the same distance, in a direction of two angles: all first angles are drawn before
// all second ones.
func distortRBF(rng Rand, severity int, c *Cloud, f *rbf) {
	f.once.Do(f.init)
	distance := [...]float64{0.025, 0.05, 0.075, 0.1, 0.125}[severity-1]
	var alpha, gamma [rbfCentres]float64
	for i := range alpha {
		alpha[i] = uniform(rng, -math.Pi, math.Pi)
	}
	for i := range gamma {
		gamma[i] = uniform(rng, -math.Pi, math.Pi)
	}
	var weights [3][]float64
	for k := range weights {
		weights[k] = make([]float64, rbfSize)
	}
	for i, p := range f.centres {
		sinA, cosA := precise.Sincos(alpha[i])
		sinG, cosG := precise.Sincos(gamma[i])
		weights[0][i] = p[0] + float64(distance*cosA*sinG)
		weights[1][i] = p[1] + float64(distance*sinA*sinG)
		weights[2][i] = p[2] + float64(distance*cosG)
	}
	for k := range weights {
		f.solver.solve(weights[k])
	}
	for i, p := range c.Points {
		c.Points[i] = f.at(p, &weights)
	}
	c.unitBox64()
}

// unitBox64 is datasets.UnitBox in float64, rounded to float32 at the end.
func (c *Cloud) unitBox64() {
	low, high := c.Points[0], c.Points[0]
	for _, p := range c.Points {
		for k := range p {
			low[k], high[k] = min(low[k], p[k]), max(high[k], p[k])
		}
	}
	longest := 0.0
	for k := range 3 {
		centre := (high[k] + low[k]) / 2
		for i := range c.Points {
			c.Points[i][k] -= centre
		}
		longest = max(longest, (high[k]-centre)-(low[k]-centre))
	}
	if longest > 0 {
		ratio := 2 / longest
		for i := range c.Points {
			for k := range 3 {
				c.Points[i][k] *= ratio
			}
		}
	}
	c.round()
}
