package corrupt

func init() {
	register(Corruption{
		Name:   "dropout_local",
		Doc:    "cut one to seven holes: around a random point, its nearest neighbours go",
		Source: modelNetC,
		Levels: [Severities]string{
			"100 of 1024 points dropped", "200 of 1024 points dropped", "300 of 1024 points dropped",
			"400 of 1024 points dropped", "500 of 1024 points dropped",
		},
		Cloud: dropoutLocal,
	})
}

// dropoutLocal leaves the points in the reference's order: farthest from the last
// hole first. The nearest neighbours of a centre include the centre itself.
func dropoutLocal(rng Rand, severity int, c *Cloud) {
	for _, size := range clusterSizes(rng, scaled(100*severity, len(c.Points))) {
		c.shuffleFarFirst(rng)
		c.Points = c.Points[:len(c.Points)-size]
	}
}
