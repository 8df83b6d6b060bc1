package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/internal/text"
)

// soupCommand has the options of soup.
type soupCommand struct {
	wiseft.SoupOptions
	out string
	storageOptions
	selectionOptions
	alignOptions
	repairOptions
	choosingOptions
	scoreOptions
	probeOptions
	runtimeOptions
	poolOptions
	dataOptions
}

func newSoupCommand() *cli.Command {
	var o soupCommand
	flags := section("",
		outFlag(&o.out, "the averaged model's `FILE`"),
		define(&o.Uniform, "uniform", "average all models, without data; what is not averaged is copied from the first").env(),
		define(&o.Strict, "strict", "take a model only if accuracy rises, as the paper's published code does").env(),
		allowSharedFlag(&o.AllowShared),
		noProveFlag(&o.NoProof),
		dryRunFlag(&o.DryRun),
		baseWeightsFlag(&o.BaseWeights),
	)
	return newCommand(&cli.Command{
		Name:      "soup",
		Usage:     "average those of several fine-tuned models that make the average better (greedy soup)",
		ArgsUsage: "MODEL… --train DATA --val DATA -o OUT.onnx",
		Description: "Every model is scored by a probe: fitted on features of the training data, scored on\n" +
			"validation data that they have not seen. The best one begins the soup; then, in the order of their scores (ties\n" +
			"in the order given), each is taken if the accuracy of the average with it does not fall\n" +
			"(--strict: if it rises). OUT.onnx is the uniform average of those taken.\n\n" +
			"Everything that is not averaged (the head, integers, the graph itself) is copied from the\n" +
			"best model, which is always in the soup. wiseft verify compares OUT.onnx with the models.\n" +
			"A MODEL may be a checkpoint (safetensors, PyTorch) of the network of an ONNX model among them.\n" +
			"The pairing of the models' weights is proved by running them, as merge --prove does.\n\n" +
			"Examples:\n" +
			"  wiseft soup run1.onnx run2.onnx run3.onnx --train d --val d --points 1024 -o soup.onnx\n" +
			"  wiseft soup run1.onnx run2.onnx run3.onnx --uniform -o soup.onnx",
		Flags: slices.Concat(flags, o.storageOptions.flags(), o.selectionOptions.flags(), o.alignOptions.flags(),
			o.repairOptions.flags(),
			o.choosingOptions.flags("models"), o.scoreOptions.flags(),
			o.probeOptions.flags(wiseft.SweepTol), o.runtimeOptions.flags(), o.poolOptions.flags(),
			o.dataOptions.flags()),
	}, atLeast("MODEL", "MODEL"), o.run)
}

func (o *soupCommand) run(ctx context.Context, c *call) (result, error) {
	opt := o.SoupOptions
	opt.Train, opt.Val, opt.Seed = o.at(o.train), o.validation(&o.dataOptions), o.dataOptions.Seed
	opt.Score = o.score
	opt.Tensor, opt.Layout, opt.Pool, opt.Monitor = o.tensor, o.layout, o.pool, c.monitor()
	var err error
	if opt.Write, err = o.storageOptions.options(); err != nil {
		return nil, err
	}
	if opt.Merge, err = o.selectionOptions.options(); err != nil {
		return nil, err
	}
	if opt.Probe, err = o.probeOptions.options(); err != nil {
		return nil, err
	}
	if opt.Runtime, err = o.runtimeOptions.options(c); err != nil {
		return nil, err
	}
	if opt.Merge.Repair, err = o.repairOptions.options(c, &o.dataOptions, opt.Runtime, nil); err != nil {
		return nil, err
	}
	opt.Merge.Align, err = o.alignOptions.options(c, &o.dataOptions, opt.Runtime.Library, o.repairOptions.data, nil)
	if err != nil {
		return nil, err
	}
	r, err := wiseft.Soup(ctx, o.out, c.args, opt)
	if err == nil && r.Estimate != nil {
		return estimated{"wiseft.dry-run/1", []estimate{{"", r.Estimate}}}, nil
	}
	return soup.result(r, err)
}

var soup = form[wiseft.SoupResult]{"wiseft.soup/1", writeSoup}

func writeSoup(w io.Writer, r *wiseft.SoupResult) error {
	accuracy := ""
	if len(r.Candidates) > 0 {
		if err := writeCandidates(w, r); err != nil {
			return err
		}
		accuracy = fmt.Sprintf(", validation accuracy %.4f", float64(r.Accuracy))
		if r.ValidationScore != nil {
			accuracy = fmt.Sprintf(", validation score %.4f", float64(*r.ValidationScore))
		}
	}
	writeWarnings(w, r.Warnings)
	writeProofs(w, r.Proof, r.Proofs)
	writeAligned(w, r.Aligned)
	if r.Repair != nil {
		fmt.Fprintln(w, r.Repair)
	}
	if r.Command != "" {
		fmt.Fprintln(w, "this average by merge: "+r.Command)
	}
	writeDataFiles(w, r.Data)
	_, err := fmt.Fprintf(w, "%s: the average of %s%s, %s bytes, sha256 %s\n",
		r.Output, text.Count(len(r.Chosen), "model"), accuracy, humanize.Comma(r.Bytes), r.SHA256)
	return err
}

// writeCandidates shows the scores of the models and which were taken.
func writeCandidates(w io.Writer, r *wiseft.SoupResult) error {
	t := newTable(w)
	fmt.Fprintln(t, "model\talone\twith it\t")
	for _, x := range r.Candidates {
		verdict := "left out"
		if x.Taken {
			verdict = "taken"
		}
		fmt.Fprintf(t, "%s\t%.4f\t%.4f\t%s\n", x.Model, x.Alone, x.Soup, verdict)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	figure := "accuracy"
	if r.ValidationScore != nil {
		figure = "score"
	}
	_, err := fmt.Fprintf(w, "%s on %s of validation; %s\n", figure, text.Count(r.N, "sample"), r.Rule)
	return err
}
