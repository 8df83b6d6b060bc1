package corrupt

import "github.com/wiseft/wiseft/datasets"

func init() {
	Register(Corruption{
		Name:   "impulse",
		Doc:    "move some points by 0.1 along every axis, to either side, then scale to the unit box",
		Source: modelNet40C,
		Levels: [Severities]string{"1/30 of the points", "1/25 of the points", "1/20 of the points", "1/15 of the points",
			"1/10 of the points"},
		Choose: modelNet40CPoints,
		Cloud:  impulse,
	})
}

func impulse(rng Rand, severity int, c *Cloud) {
	n := len(c.Points)
	for _, i := range rng.Perm(n)[:n/[...]int{30, 25, 20, 15, 10}[severity-1]] {
		for k := range 3 {
			c.Points[i][k] += sign(rng) * 0.1
		}
	}
	c.normalize(datasets.UnitBox)
}
