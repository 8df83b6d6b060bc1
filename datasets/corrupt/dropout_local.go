package corrupt

func init() {
	Register(Corruption{
		Name:   "dropout_local",
		Doc:    "cut holes: remove the nearest neighbours of one to seven random points",
		Source: modelNetC,
		Levels: [Severities]string{
			"100 of 1024 points dropped", "200 of 1024 points dropped", "300 of 1024 points dropped",
			"400 of 1024 points dropped", "500 of 1024 points dropped",
		},
		Cloud: dropoutLocal,
	})
}

// dropoutLocal returns the points in the reference's order if that matters: farthest from the last hole first. The
// nearest neighbours of a centre include the centre itself.
func dropoutLocal(rng Rand, severity int, c *Cloud) {
	sizes := clusterSizes(rng, scaled(100*severity, len(c.Points)))
	if c.AnyOrder {
		c.cut(rng, sizes)
		return
	}
	for _, size := range sizes {
		c.shuffleFarFirst(rng)
		c.Points = c.Points[:len(c.Points)-size]
	}
}

// cut removes holes of the given sizes.
func (c *Cloud) cut(rng Rand, sizes []int) {
	h := &c.scratch.hole
	h.load(c.Points)
	for _, size := range sizes {
		h.dropNearest(rng.IntN(len(h.x)), size)
	}
	for k, i := range h.index { // which rises, so that nothing is read after it was overwritten
		c.Points[k] = c.Points[i]
	}
	c.Points = c.Points[:len(h.index)]
}
