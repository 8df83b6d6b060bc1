package corrupt

import (
	"math/rand/v2"

	"github.com/wiseft/wiseft/datasets"
)

func init() {
	register(Corruption{
		Name:   "scale",
		Doc:    "stretch each axis by its own random factor, then centre and scale to the unit sphere",
		Source: modelNetC,
		Levels: [Severities]string{
			"factors 1/1.6 to 1.6", "factors 1/1.7 to 1.7", "factors 1/1.8 to 1.8", "factors 1/1.9 to 1.9", "factors 1/2 to 2",
		},
		Apply: scale,
	})
}

func scale(rng *rand.Rand, severity int, dst *datasets.Sample) {
	limit := [...]float64{1.6, 1.7, 1.8, 1.9, 2.0}[severity-1]
	var factor [3]float64
	for k := range factor {
		factor[k] = uniform(rng, 1/limit, limit)
	}
	for i := range dst.X {
		dst.X[i] = float32(float64(dst.X[i]) * factor[i%3])
	}
	datasets.UnitSphere(dst.X)
}
