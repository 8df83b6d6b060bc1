package corrupt

import "github.com/wiseft/wiseft/datasets"

func init() {
	Register(Corruption{
		Name:   "scale",
		Doc:    "stretch each axis by its own random factor, then centre and scale to the unit sphere",
		Source: modelNetC,
		Levels: [Severities]string{
			"factors 1/1.6 to 1.6", "factors 1/1.7 to 1.7", "factors 1/1.8 to 1.8", "factors 1/1.9 to 1.9", "factors 1/2 to 2",
		},
		Cloud: scale,
	})
}

// scale multiplies in float64 and rounds before it normalises in float32.
func scale(rng Rand, severity int, c *Cloud) {
	limit := [...]float64{1.6, 1.7, 1.8, 1.9, 2.0}[severity-1]
	var factor Point
	for k := range factor {
		factor[k] = uniform(rng, 1/limit, limit)
	}
	for i := range c.Points {
		p := &c.Points[i]
		for k, f := range factor {
			p[k] = single(p[k] * f)
		}
	}
	c.normalize(datasets.UnitSphere)
}
