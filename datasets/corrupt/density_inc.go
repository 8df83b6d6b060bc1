package corrupt

func init() {
	Register(Corruption{
		Name: "density_inc",
		Doc: "concentrate: keep the 100 nearest neighbours of random points, and draw the rest with replacement, " +
			"1024 points in all",
		Source: modelNet40C,
		Levels: [Severities]string{
			"1 cluster of 100 of 1024 points", "2 clusters of 100 of 1024 points", "3 clusters of 100 of 1024 points",
			"4 clusters of 100 of 1024 points", "5 clusters of 100 of 1024 points",
		},
		Unordered: true, // with fewer than 2,048 points, what is drawn again thins out the cloud most
		Choose:    2 * modelNet40CPoints,
		Cloud:     densityInc,
	})
}

// densityInc returns 1,024 points, as the reference does with its clouds of 2,048, or as many as the cloud has if
// these are fewer.
func densityInc(rng Rand, severity int, c *Cloud) {
	total := min(len(c.Points), modelNet40CPoints)
	size := scaled(100, total)
	var kept []Point
	for range severity {
		near := c.nearest(rng.IntN(len(c.Points)), size)
		for _, i := range near {
			kept = append(kept, c.Points[i])
		}
		c.remove(near)
	}
	for len(kept) < total {
		kept = append(kept, c.Points[rng.IntN(len(c.Points))])
	}
	c.Points = append(c.Points[:0], kept...)
}
