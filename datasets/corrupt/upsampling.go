package corrupt

import "github.com/wiseft/wiseft/datasets"

func init() {
	Register(Corruption{
		Name:   "upsampling",
		Doc:    "add copies of some points, moved by up to 0.05 along every axis, then scale to the unit box",
		Source: modelNet40C,
		Levels: [Severities]string{"1/5 of the points copied", "1/4 copied", "1/3 copied", "1/2 copied", "all copied"},
		Choose: modelNet40CPoints,
		Cloud:  upsampling,
	})
}

func upsampling(rng Rand, severity int, c *Cloud) {
	n := len(c.Points)
	for _, i := range rng.Perm(n)[:n/(6-severity)] {
		p := c.Points[i]
		for k := range p {
			p[k] += uniform(rng, -0.05, 0.05)
		}
		c.Points = append(c.Points, p)
	}
	c.normalize(datasets.UnitBox)
}
