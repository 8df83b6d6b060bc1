package corrupt

import "github.com/wiseft/wiseft/datasets"

func init() {
	Register(Corruption{
		Name: "scale_axes",
		Doc: "stretch one axis and shrink another, then scale to the unit box; " +
			"called scale in ModelNet40-C's code, and not one of its fifteen corruptions",
		Source: modelNet40C,
		Levels: [Severities]string{"by 10 %", "by 20 %", "by 30 %", "by 40 %", "by 50 %"},
		Choose: modelNet40CPoints,
		Cloud:  scaleAxes,
	})
}

func scaleAxes(rng Rand, severity int, c *Cloud) {
	by := [...]float64{0.1, 0.2, 0.3, 0.4, 0.5}[severity-1]
	pair := [...][2]int{{0, 1}, {1, 2}, {0, 2}}[rng.IntN(3)]
	by *= sign(rng)
	m := matrix{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}
	m[pair[0]][pair[0]] += by
	m[pair[1]][pair[1]] -= by
	c.transform(m)
	c.normalize(datasets.UnitBox)
}
