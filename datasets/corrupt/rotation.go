package corrupt

import (
	"math"

	"github.com/wiseft/wiseft/datasets"
)

func init() {
	Register(Corruption{
		Name:   "rotation",
		Doc:    "turn by an angle to either side about x, then y, then z, then scale to the unit box",
		Source: modelNet40C,
		Levels: [Severities]string{
			"angles of 0 to 5 degrees", "angles of 2.5 to 7.5 degrees", "angles of 5 to 10 degrees",
			"angles of 7.5 to 12.5 degrees", "angles of 12.5 to 17.5 degrees",
		},
		Choose: modelNet40CPoints,
		Cloud:  rotation,
	})
}

func rotation(rng Rand, severity int, c *Cloud) {
	mid := [...]float64{2.5, 5, 7.5, 10, 15}[severity-1]
	var angle [3]float64
	for k := range angle {
		degrees := uniform(rng, mid-2.5, mid+2.5)
		angle[k] = degrees * sign(rng) * math.Pi / 180
	}
	c.transform(turnX(angle[0]))
	c.transform(turnY(angle[1]))
	c.transform(turnZ(angle[2]))
	c.normalize(datasets.UnitBox)
}
