package corrupt

func init() {
	Register(Corruption{
		Name:   "gaussian",
		Doc:    "add Gaussian noise to every coordinate and clip to [-1, 1]",
		Source: modelNet40C,
		Levels: [Severities]string{"sigma 0.01", "sigma 0.015", "sigma 0.02", "sigma 0.025", "sigma 0.03"},
		Choose: modelNet40CPoints,
		Cloud:  gaussian,
	})
}

func gaussian(rng Rand, severity int, c *Cloud) {
	sigma := [...]float64{0.01, 0.015, 0.02, 0.025, 0.03}[severity-1]
	for i := range c.Points {
		for k := range 3 {
			v := single(c.Points[i][k] + float64(rng.NormFloat64()*sigma))
			c.Points[i][k] = min(max(v, -1), 1)
		}
	}
}
