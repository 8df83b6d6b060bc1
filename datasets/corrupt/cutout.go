package corrupt

func init() {
	Register(Corruption{
		Name:   "cutout",
		Doc:    "cut holes: remove the 30 nearest neighbours of random points",
		Source: modelNet40C,
		Levels: [Severities]string{
			"2 holes of 30 of 1024 points", "3 holes of 30 of 1024 points", "5 holes of 30 of 1024 points",
			"7 holes of 30 of 1024 points", "10 holes of 30 of 1024 points",
		},
		Choose: modelNet40CPoints,
		Cloud:  cutout,
	})
}

func cutout(rng Rand, severity int, c *Cloud) {
	size := scaled(30, len(c.Points))
	for range [...]int{2, 3, 5, 7, 10}[severity-1] {
		c.remove(c.nearest(rng.IntN(len(c.Points)), size))
	}
}

// nearest returns the k nearest points of point i, which is one of them, in numpy's
// order. k must be below the number of points.
func (c *Cloud) nearest(i, k int) []int {
	distance := resize(c.scratch.singles, len(c.Points))
	for j, p := range c.Points {
		distance[j] = squaredDistance(p, c.Points[i])
	}
	c.scratch.singles = distance
	return argpartition(distance, k)[:k]
}
