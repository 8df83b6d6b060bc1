package corrupt

func init() {
	Register(Corruption{
		Name:   "dropout_global",
		Doc:    "drop a share of all points at random",
		Source: modelNetC,
		Levels: [Severities]string{"25 % dropped", "37.5 % dropped", "50 % dropped", "62.5 % dropped", "75 % dropped"},
		Cloud:  dropoutGlobal,
	})
}

func dropoutGlobal(rng Rand, severity int, c *Cloud) {
	keptEighths := [...]int{6, 5, 4, 3, 2}[severity-1]
	kept := max(1, len(c.Points)*keptEighths/8)
	c.pick(rng, kept)
	c.Points = c.Points[:kept]
}
