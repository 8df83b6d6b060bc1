package corrupt

import "github.com/wiseft/wiseft/datasets"

func init() {
	Register(Corruption{
		Name:   "background",
		Doc:    "add points spread uniformly through the cube from -1 to 1, then scale to the unit box",
		Source: modelNet40C,
		Levels: [Severities]string{"1/45 of the points added", "1/40 added", "1/35 added", "1/30 added", "1/20 added"},
		Choose: modelNet40CPoints,
		Cloud:  background,
	})
}

func background(rng Rand, severity int, c *Cloud) {
	for range len(c.Points) / [...]int{45, 40, 35, 30, 20}[severity-1] {
		var p Point
		for k := range p {
			p[k] = uniform(rng, -1, 1)
		}
		c.Points = append(c.Points, p)
	}
	c.normalize(datasets.UnitBox)
}
