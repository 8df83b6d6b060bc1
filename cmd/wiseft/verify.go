package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
)

func newVerifyCommand() *cli.Command {
	var o wiseft.VerifyOptions
	var proof proveOptions
	var modelMemory string
	return newCommand(&cli.Command{
		Name:      "verify",
		Usage:     "compare a merged model with its provenance",
		ArgsUsage: "MERGED",
		Description: "A merged model names its recipe and the hashes of the models it was made from.\n" +
			"verify looks for these beside it and in the working folder (or where --pretrained,\n" +
			"--finetuned and --further say), compares the hashes, and computes every tensor anew; of a\n" +
			"model beyond 256 MiB samples of every tensor, unless --all is given.\n" +
			"A model that weights apply wrote is made again from the files that it names.\n" +
			"--run also proves by running that the right weights were mixed. Statistics that merge --repair\n" +
			"has measured are measured again with --data, the same data; without it they are not compared.\n\n" +
			"Examples:\n" +
			"  wiseft verify merged.onnx\n" +
			"  wiseft verify merged.onnx --pretrained models/base.onnx --finetuned models/tuned.onnx --all\n" +
			"  wiseft verify merged.onnx --run\n" +
			"  wiseft verify repaired.onnx --data modelnet40",
		Flags: slices.Concat(section("",
			define(&o.Pretrained, "pretrained", "the pre-trained model's `FILE`"),
			define(&o.Finetuned, "finetuned", "the fine-tuned model's `FILE`, which is the last of those that were merged"),
			define(&o.Further, "further", "`FILE` of a model between them, or then of a Fisher information; "+
				"in their order, all or none"),
			define(&o.Adapters, "adapter", "`PATH` of an adapter that was added to a model; in their order, all or none"),
			define(&o.BaseWeights, "base-weights", "checkpoint `FILE` that an ONNX model was exported from").env(),
			define(&o.All, "all", "compare every byte, however large the model is").env(),
		), repairMemory(&modelMemory), proof.flags("run")),
	}, exactly("MERGED"), abandonable(func(ctx context.Context, c *call) (_ result, err error) {
		o.Monitor, o.Prove, o.Seed = c.monitor(), proof.options(c), proof.dataOptions.Seed
		o.Repaired, o.Runtime = proof.data, proof.Runtime
		if o.Runtime.ModelMemory, err = parseSize("model-memory", modelMemory); err != nil {
			return nil, err
		}
		return verification.result(wiseft.Verify(ctx, c.args[0], o))
	}))
}

var verification = form[wiseft.VerifyResult]{"wiseft.verify/1", writeVerification}

func writeVerification(w io.Writer, r *wiseft.VerifyResult) error {
	how, verdict := "samples of", "agrees with its provenance in samples (--all compares every byte)"
	if r.All {
		how, verdict = "all of", "agrees with its provenance"
	}
	inputs, last := slices.Clone(r.Inputs), len(r.Inputs)-1
	made := "made of"
	if r.Provenance != nil {
		made = recipeOf(r.Provenance) + " of"
		for i, s := range r.Provenance.Models {
			inputs[i] += strings.TrimPrefix(s.Title(), s.File)
		}
	}
	fmt.Fprintf(w, "%s %s: %s %s and %s\n", r.Output, verdict, made, strings.Join(inputs[:last], ", "), inputs[last])
	writeProofs(w, r.Proof, r.Proofs)
	for _, note := range r.Notes {
		fmt.Fprintln(w, note)
	}
	_, err := fmt.Fprintf(w, "%d tensors agree in %s their payload, %s bytes; the hashes agree\n",
		r.Tensors, how, humanize.Comma(r.Bytes))
	return err
}
