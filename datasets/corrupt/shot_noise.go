package corrupt

import (
	"math"

	"github.com/wiseft/wiseft/datasets/corrupt/internal/precise"
)

func init() {
	Register(Corruption{
		Name: "shot_noise", Source: imageNetC, Note: experimental,
		Doc:    "count photons: every value is a Poisson deviate, whose mean at full brightness is the level's number",
		Levels: [Severities]string{"60 photons", "25 photons", "12 photons", "5 photons", "3 photons"},
		Image: func(rng Rand, severity int, m *Image) {
			photons := [...]float64{60, 25, 12, 5, 3}[severity-1]
			for i, v := range m.Pix {
				m.Pix[i] = float32(float64(poisson(rng, float64(v)*photons)) / photons)
			}
		},
	})
}

// poisson counts uniform numbers until their product falls below e^-mean (Knuth, The Art of
// Computer Programming 2, 3.4.1). mean is below 700.
func poisson(rng Rand, mean float64) int {
	limit := precise.Pow(math.E, -mean)
	n := 0
	for product := rng.Float64(); product > limit; product *= rng.Float64() {
		n++
	}
	return n
}
