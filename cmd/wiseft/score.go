package main

import (
	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
)

// scoreOptions are flags of a score that takes the place of accuracy.
type scoreOptions struct{ score wiseft.Scoring }

func (o *scoreOptions) flags() []cli.Flag {
	return section("Measuring:",
		define(&o.score.Command, "score", "measure by `COMMAND` instead of accuracy: it gets the path of an NPZ with outputs and targets, "+
			"and prints the score, and perhaps one of each sample").shown("accuracy").env(),
		define(&o.score.Lower, "score-lower", "lower scores are better").env(),
	)
}
