package corrupt

import "math"

func init() {
	Register(Corruption{
		Name:   "distortion_rbf_inv",
		Doc:    "as distortion_rbf, with radial basis functions 1/sqrt(d^2 + 1/4)",
		Source: modelNet40C + " and distortion.py, with PyGeM's RBF",
		Levels: rbfLevels,
		Choose: modelNet40CPoints,
		Cloud: func(rng Rand, severity int, c *Cloud) {
			distortRBF(rng, severity, c, &inverseMultiquadric)
		},
	})
}

var inverseMultiquadric = rbf{basis: func(d2 float64) float64 { return 1 / math.Sqrt(d2+rbfRadius*rbfRadius) }}
