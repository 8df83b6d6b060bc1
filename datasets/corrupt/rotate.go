package corrupt

import "math"

func init() {
	Register(Corruption{
		Name:   "rotate",
		Doc:    "turn by a random angle about each of the three axes",
		Source: modelNetC,
		Levels: [Severities]string{
			"angles up to 6 degrees", "angles up to 12 degrees", "angles up to 18 degrees",
			"angles up to 24 degrees", "angles up to 30 degrees",
		},
		Cloud: rotate,
	})
}

// rotate multiplies every point, as a row, by R = Rz Ry Rx, which applies the inverse of R, as the reference does.
// The distribution differs only in the order of the axes.
func rotate(rng Rand, severity int, c *Cloud) {
	limit := math.Pi // of type float64 from here on: the reference rounds each step
	limit = limit / 6 / 5 * float64(severity)
	var angles [3]float64
	for k := range angles {
		angles[k] = uniform(rng, -limit, limit)
	}
	c.transform(turnZ(angles[2]).times(turnY(angles[1]).times(turnX(angles[0]))))
	c.Double = true
}
