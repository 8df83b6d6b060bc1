package corrupt

import "github.com/wiseft/wiseft/datasets"

func init() {
	Register(Corruption{
		Name:   "uniform",
		Doc:    "add uniform noise to every coordinate, then scale to the unit box",
		Source: modelNet40C,
		Levels: [Severities]string{"up to 0.01", "up to 0.02", "up to 0.03", "up to 0.04", "up to 0.05"},
		Choose: modelNet40CPoints,
		Cloud:  uniformNoise,
	})
}

func uniformNoise(rng Rand, severity int, c *Cloud) {
	limit := [...]float64{0.01, 0.02, 0.03, 0.04, 0.05}[severity-1]
	for i := range c.Points {
		for k := range 3 {
			c.Points[i][k] += uniform(rng, -limit, limit)
		}
	}
	c.normalize(datasets.UnitBox)
}
