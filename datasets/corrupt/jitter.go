package corrupt

import (
	"math/rand/v2"

	"github.com/wiseft/wiseft/datasets"
)

func init() {
	register(Corruption{
		Name:   "jitter",
		Doc:    "add Gaussian noise to every coordinate, without clipping",
		Source: modelNetC,
		Levels: [Severities]string{"sigma 0.01", "sigma 0.02", "sigma 0.03", "sigma 0.04", "sigma 0.05"},
		Apply:  jitter,
	})
}

func jitter(rng *rand.Rand, severity int, dst *datasets.Sample) {
	sigma := 0.01 * float64(severity)
	for i, v := range dst.X {
		dst.X[i] = float32(float64(v) + float64(sigma*rng.NormFloat64()))
	}
}
