package corrupt

func init() {
	Register(Corruption{
		Name:   "jitter",
		Doc:    "add Gaussian noise to every coordinate, without clipping",
		Source: modelNetC,
		Levels: [Severities]string{"sigma 0.01", "sigma 0.02", "sigma 0.03", "sigma 0.04", "sigma 0.05"},
		Cloud:  jitter,
	})
}

func jitter(rng Rand, severity int, c *Cloud) {
	sigma := 0.01 * float64(severity)
	for i := range c.Points {
		p := &c.Points[i]
		for k := range p {
			p[k] += float64(sigma * rng.NormFloat64())
		}
	}
	c.Double = true
}
