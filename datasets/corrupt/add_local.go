package corrupt

func init() {
	Register(Corruption{
		Name:   "add_local",
		Doc:    "add one to seven Gaussian clusters of points around random points of the cloud",
		Source: modelNetC,
		Levels: [Severities]string{
			"100 added to 1024 points", "200 added to 1024 points", "300 added to 1024 points",
			"400 added to 1024 points", "500 added to 1024 points",
		},
		Cloud: addLocal,
	})
}

// addLocal divides an added point with squared norm d > 1 by d, as the reference does: its distance from the origin
// becomes 1/sqrt(d), inside the unit ball and not on its surface.
func addLocal(rng Rand, severity int, c *Cloud) {
	n := len(c.Points)
	sizes := clusterSizes(rng, scaled(100*severity, n))
	c.pick(rng, len(sizes))
	for cluster, size := range sizes {
		centre := c.Points[cluster%n] // a cloud may have fewer points than clusters
		sigma := uniform(rng, 0.075, 0.125)
		for range size {
			var p Point
			for k := range p {
				p[k] = single(centre[k] + float64(sigma*rng.NormFloat64()))
			}
			if d := squaredNorm(p); d > 1 {
				for k := range p {
					p[k] = float64(float32(p[k]) / d)
				}
			}
			c.Points = append(c.Points, p)
		}
	}
}
