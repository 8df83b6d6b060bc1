package corrupt

import (
	"math/rand/v2"

	"github.com/wiseft/wiseft/datasets"
)

func init() {
	register(Corruption{
		Name:   "add_local",
		Doc:    "add one to seven Gaussian clusters of points around random points of the cloud",
		Source: modelNetC,
		Levels: [Severities]string{
			"100 added to 1024 points", "200 added to 1024 points", "300 added to 1024 points",
			"400 added to 1024 points", "500 added to 1024 points",
		},
		Apply: addLocal,
	})
}

// addLocal pulls an added point with squared norm d > 1 inwards by dividing it by
// d, as the reference does: it lands at distance 1/sqrt(d) inside the unit ball, not
// on its surface.
func addLocal(rng *rand.Rand, severity int, dst *datasets.Sample) {
	all := points(dst)
	n := len(all)
	sizes := clusterSizes(rng, scaled(100*severity, n))
	shuffle(rng, all)
	for c, size := range sizes {
		centre := all[c%n] // a cloud may have fewer points than clusters
		sigma := uniform(rng, 0.075, 0.125)
		for range size {
			var p point
			for k := range p {
				p[k] = float32(float64(centre[k]) + float64(sigma*rng.NormFloat64()))
			}
			if d := squaredDistance(p, point{}); d > 1 {
				for k := range p {
					p[k] /= d
				}
			}
			all = append(all, p)
		}
	}
	setPoints(dst, all)
}
