package corrupt

import (
	"math"

	"github.com/wiseft/wiseft/datasets/corrupt/internal/precise"
)

func init() {
	Register(Corruption{
		Name:   "add_global",
		Doc:    "add points spread uniformly through the unit ball",
		Source: modelNetC,
		Levels: [Severities]string{
			"10 added to 1024 points", "20 added to 1024 points", "30 added to 1024 points",
			"40 added to 1024 points", "50 added to 1024 points",
		},
		Cloud: addGlobal,
	})
}

// addGlobal draws all radii, as cube roots, then the cosines of all polar angles, then
// all azimuths.
func addGlobal(rng Rand, severity int, c *Cloud) {
	added := make([]Point, scaled(10*severity, len(c.Points)))
	third := 1. / 3
	for i := range added {
		added[i][0] = precise.Pow(uniform(rng, 0, 1), third)
	}
	for i := range added {
		added[i][1] = precise.Acos(uniform(rng, -1, 1))
	}
	for i := range added {
		added[i][2] = uniform(rng, 0, 2*math.Pi)
	}
	for _, polar := range added {
		radius := polar[0]
		sin, cos := precise.Sincos(polar[1])
		sinPhi, cosPhi := precise.Sincos(polar[2])
		c.Points = append(c.Points, Point{float64(radius*sin) * cosPhi, float64(radius*sin) * sinPhi, radius * cos})
	}
	c.Double = true
}
