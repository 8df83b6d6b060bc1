package corrupt

func init() {
	Register(Corruption{
		Name:   "density",
		Doc:    "thin out: remove 75 of the 100 nearest neighbours of random points",
		Source: modelNet40C,
		Levels: [Severities]string{
			"1 cluster of 100 of 1024 points", "2 clusters of 100 of 1024 points", "3 clusters of 100 of 1024 points",
			"4 clusters of 100 of 1024 points", "5 clusters of 100 of 1024 points",
		},
		Choose: modelNet40CPoints,
		Cloud:  density,
	})
}

// density removes points by their position among the nearest, so that the order of equal distances matters.
func density(rng Rand, severity int, c *Cloud) {
	size := scaled(100, len(c.Points))
	for range severity {
		near := c.nearest(rng.IntN(len(c.Points)), size)
		gone := rng.Perm(size)[:3*size/4]
		for k, at := range gone {
			gone[k] = near[at]
		}
		c.remove(gone)
	}
}
