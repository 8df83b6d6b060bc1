package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
)

func newVerifyCommand() *cli.Command {
	var o wiseft.VerifyOptions
	var further cli.StringSlice
	return newCommand(&cli.Command{
		Name:      "verify",
		Usage:     "check that a merged model is what it says it is",
		ArgsUsage: "MERGED",
		Description: "A merged model names its recipe and the hashes of the models it was made from.\n" +
			"verify looks for these beside it (or where --pretrained and --finetuned say), compares\n" +
			"the hashes, and computes samples of every tensor anew, or all of it with --all.\n\n" +
			"Examples:\n" +
			"  wiseft verify merged.onnx\n" +
			"  wiseft verify merged.onnx --pretrained models/base.onnx --finetuned models/tuned.onnx --all",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "pretrained", Usage: "the pre-trained model's `FILE`", Destination: &o.Pretrained},
			&cli.StringFlag{Name: "finetuned", Usage: "the fine-tuned model's `FILE`, which is the last of those that were merged", Destination: &o.Finetuned},
			&cli.StringSliceFlag{Name: "further", Usage: "`FILE` of a model between them, or then of a Fisher information; in their order, all or none", Destination: &further},
			&cli.BoolFlag{Name: "all", Usage: "compare every byte instead of samples", Destination: &o.All},
			&cli.Uint64Flag{Name: "seed", Usage: "of the choice of samples", EnvVars: []string{"WISEFT_SEED"}, Destination: &o.Seed},
		},
	}, func(ctx context.Context, c *call) (result, error) {
		args, err := c.args("MERGED")
		if err != nil {
			return nil, err
		}
		o.Further, o.Monitor = further.Value(), c.monitor()
		r, err := wiseft.Verify(ctx, args[0], o)
		return &verifyReport{"wiseft.verify/1", r}, err
	})
}

type verifyReport struct {
	Schema string `json:"schema"`
	*wiseft.VerifyResult
}

func (r *verifyReport) writeText(w io.Writer) error {
	how := "samples of"
	if r.All {
		how = "all of"
	}
	_, err := fmt.Fprintf(w, "%s is what it says it is: %s of %s and %s\n%d tensors agree in %s their payload, %s bytes; the hashes agree\n",
		r.Output, recipeOf(r.Provenance), strings.Join(r.Inputs[:len(r.Inputs)-1], ", "), r.Inputs[len(r.Inputs)-1], r.Tensors, how, humanize.Comma(r.Bytes))
	return err
}
