package corrupt

import "github.com/wiseft/wiseft/datasets"

func init() {
	Register(Corruption{
		Name:   "shear",
		Doc:    "shear x and z along the other axes, then scale to the unit box",
		Source: modelNet40C,
		Levels: [Severities]string{"by 0 to 0.1", "by 0.05 to 0.15", "by 0.1 to 0.2", "by 0.15 to 0.25", "by 0.2 to 0.3"},
		Choose: modelNet40CPoints,
		Cloud:  shear,
	})
}

// shear draws six terms, of which the reference uses all but the first and the last.
func shear(rng Rand, severity int, c *Cloud) {
	mid := [...]float64{0.05, 0.1, 0.15, 0.2, 0.25}[severity-1]
	var term [6]float64
	for k := range term {
		term[k] = uniform(rng, mid-0.05, mid+0.05)
		term[k] *= sign(rng)
	}
	c.transform(matrix{{1, 0, term[1]}, {term[2], 1, term[3]}, {term[4], 0, 1}})
	c.normalize(datasets.UnitBox)
}
