package corrupt

func init() {
	register(Corruption{
		Name:   "dropout_global",
		Doc:    "drop a share of all points at random",
		Source: modelNetC,
		Levels: [Severities]string{"25 % dropped", "37.5 % dropped", "50 % dropped", "62.5 % dropped", "75 % dropped"},
		Cloud:  dropoutGlobal,
	})
}

func dropoutGlobal(rng Rand, severity int, c *Cloud) {
	c.shuffle(rng)
	keptEighths := [...]int{6, 5, 4, 3, 2}[severity-1]
	c.Points = c.Points[:max(1, len(c.Points)*keptEighths/8)]
}
