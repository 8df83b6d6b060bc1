package corrupt

import "math"

func init() {
	Register(Corruption{
		Name: "distortion_rbf",
		Doc: "move 5 x 5 x 5 control points in random directions, and the points by interpolation with the radial basis " +
			"functions sqrt(d^2 + 1/4), then scale to the unit box",
		Source: modelNet40C + " and distortion.py, with PyGeM's RBF",
		Levels: rbfLevels,
		Choose: modelNet40CPoints,
		Cloud: func(rng Rand, severity int, c *Cloud) {
			distortRBF(rng, severity, c, &multiquadric)
		},
	})
}

var multiquadric = rbf{basis: func(d2 float64) float64 { return math.Sqrt(d2 + rbfRadius*rbfRadius) }}
