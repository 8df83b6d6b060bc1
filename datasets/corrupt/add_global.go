package corrupt

import (
	"math/rand/v2"

	"github.com/wiseft/wiseft/datasets"
)

func init() {
	register(Corruption{
		Name:   "add_global",
		Doc:    "add points spread uniformly through the unit ball",
		Source: modelNetC,
		Levels: [Severities]string{
			"10 added to 1024 points", "20 added to 1024 points", "30 added to 1024 points",
			"40 added to 1024 points", "50 added to 1024 points",
		},
		Apply: addGlobal,
	})
}

// addGlobal draws from the cube until a point lies in the ball. The reference
// draws angles and a radius u^(1/3) instead, which is the same distribution but
// takes functions that differ between processors in the last bit.
func addGlobal(rng *rand.Rand, severity int, dst *datasets.Sample) {
	n := dst.Shape[0]
	count := scaled(10*severity, n)
	for added := 0; added < count; {
		var p point
		for k := range p {
			p[k] = float32(uniform(rng, -1, 1))
		}
		if squaredDistance(p, point{}) <= 1 {
			dst.X = append(dst.X, p[:]...)
			added++
		}
	}
	dst.Shape[0] = n + count
}
