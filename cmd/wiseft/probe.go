package main

import "github.com/urfave/cli/v2"

func newProbeCommand() *cli.Command {
	return newGroup(&cli.Command{
		Name:  "probe",
		Usage: "train, score and attach probes",
		Subcommands: []*cli.Command{
			newProbeFitCommand(),
			newProbeScoreCommand(),
			newProbeAttachCommand(),
			newProbeSVMCommand(),
			newProbeFewShotCommand(),
			newProbeKFoldCommand(),
		},
	})
}
