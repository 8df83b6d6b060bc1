package corrupt

import (
	"math"

	"github.com/wiseft/wiseft/datasets/corrupt/internal/precise"
)

func init() {
	Register(Corruption{
		Name: "motion_blur", Doc: "blur along a line in a random direction, as a moving camera does", Source: imageNetC,
		Note: experimental + "; the line has weights of a Gaussian, cut at the radius, rounded to whole pixels",
		Levels: [Severities]string{"radius 10, sigma 3", "radius 15, sigma 5", "radius 15, sigma 8", "radius 15, sigma 12",
			"radius 20, sigma 15"},
		Image: func(rng Rand, severity int, m *Image) {
			radius := [...]int{10, 15, 15, 15, 20}[severity-1]
			sigma := [...]float64{3, 5, 8, 12, 15}[severity-1]
			m.convolve(line(radius, sigma, uniform(rng, -math.Pi/4, math.Pi/4)))
		},
	})
}

// line returns the weights of pixels along a line that begins at the centre.
func line(radius int, sigma, angle float64) []tap {
	sin, cos := precise.Sincos(angle)
	var kernel []tap
	total := 0.0
	for i := range 2*radius + 1 {
		d := float64(i) / sigma
		weight := precise.Pow(math.E, -float64(d*d)/2)
		total += weight
		kernel = append(kernel, tap{int(math.Round(float64(i) * cos)), int(math.Round(float64(i) * sin)), float32(weight)})
	}
	for i := range kernel {
		kernel[i].weight /= float32(total)
	}
	return kernel
}
