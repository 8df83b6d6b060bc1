package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
)

func newWeightsCommand() *cli.Command {
	return newGroup(&cli.Command{
		Name:  "weights",
		Usage: "weights of PyTorch and safetensors checkpoints, into ONNX models and back",
		Subcommands: []*cli.Command{
			newWeightsApplyCommand(),
			newWeightsExportCommand(),
		},
	})
}

func newWeightsApplyCommand() *cli.Command {
	var o wiseft.ApplyOptions
	var storage storageOptions
	var out, memory string
	return newCommand(&cli.Command{
		Name:      "apply",
		Usage:     "give an ONNX model the weights of another checkpoint, without an export",
		ArgsUsage: "BASE.onnx --from BASE.safetensors --to TUNED.safetensors -o OUT.onnx",
		Description: "BASE.onnx is an export of the checkpoint --from. By the values of both, every weight of the\n" +
			"model is found to be made from tensors of the checkpoint: as they are, transposed, joined, sliced,\n" +
			"converted, with BatchNormalizations folded in. The same is done with the checkpoint --to of the\n" +
			"same network, and the result is written into the model: OUT.onnx is what its export would be.\n" +
			"A weight that is not explained is an error, and all of them are listed.\n\n" +
			"Checkpoints are safetensors files, PyTorch checkpoints (.pt, .pth, .bin), the index of one in\n" +
			"several files, or its folder. Nothing in a pickle is run.\n\n" +
			"--memory bounds what is read and computed at a time. Only tensors that are joined, sliced or have\n" +
			"something folded in are held as a whole while they are compared.\n\n" +
			"Examples:\n" +
			"  wiseft weights apply base.onnx --from base.safetensors --to tuned.safetensors -o tuned.onnx\n" +
			"  wiseft weights apply base.onnx --from pretrained.pth --to finetuned.pth -o finetuned.onnx --json",
		Flags: slices.Concat(section("",
			outFlag(&out, "the new model's `FILE`").env(),
			define(&o.From, "from", "the `CHECKPOINT` that BASE.onnx was exported from").env(),
			define(&o.To, "to", "the `CHECKPOINT` whose weights the model gets").env(),
			define(&o.KeepUnmapped, "keep-unmapped", "keep weights that --from does not explain as they are in BASE.onnx").env(),
			memoryFlag(&memory),
		), storage.flags()),
	}, exactly("BASE.onnx"), func(ctx context.Context, c *call) (result, error) {
		if o.From == "" || o.To == "" {
			return nil, usagef("weights apply needs --from and --to").WithHint("%s", c.usageHint())
		}
		write, err := storage.options()
		if err != nil {
			return nil, err
		}
		if o.MemoryBytes, err = parseSize("memory", memory); err != nil {
			return nil, err
		}
		o.Monitor = c.monitor()
		r, err := wiseft.ApplyWeights(ctx, out, c.args[0], o, write)
		return weightsResult(c, r, err)
	})
}

func newWeightsExportCommand() *cli.Command {
	var o wiseft.ExportOptions
	var out, memory string
	return newCommand(&cli.Command{
		Name:      "export",
		Usage:     "write the weights of an ONNX model as a checkpoint that PyTorch loads",
		ArgsUsage: "MODEL.onnx --like BASE.safetensors [--base BASE.onnx] -o OUT.safetensors",
		Description: "OUT.safetensors has the names, shapes and types of the checkpoint --like, and the weights of\n" +
			"MODEL.onnx, so that a merged model can be trained further. BASE.onnx is the export of --like with the\n" +
			"graph of MODEL.onnx; without --base it is searched beside the model, by the names and hashes that\n" +
			"the model's provenance has, or else the model itself is taken for it.\n" +
			"Tensors that the model does not have, such as counters, are copied from --like and named. A weight\n" +
			"with a BatchNormalization folded in cannot be taken apart and is an error: export the base with\n" +
			"training=TrainingMode.PRESERVE, do_constant_folding=False.\n" +
			"--memory bounds what is read and computed at a time; tensors that the model has in parts, such as a\n" +
			"fused projection, are put together as a whole.\n\n" +
			"Examples:\n" +
			"  wiseft weights export merged.onnx --like base.safetensors -o merged.safetensors\n" +
			"  wiseft weights export merged.onnx --like base.pth --base base.onnx -o merged.safetensors",
		Flags: section("",
			outFlag(&out, "the checkpoint's `FILE`").env(),
			define(&o.Like, "like", "the `CHECKPOINT` that BASE.onnx was exported from").env(),
			define(&o.Base, "base", "the `MODEL` that was exported from --like").shown("found by provenance").env(),
			memoryFlag(&memory),
			forceFlag(&o.Force, "replace an existing output"),
			noSyncFlag(&o.NoSync),
		),
	}, exactly("MODEL.onnx"), func(ctx context.Context, c *call) (result, error) {
		if o.Like == "" {
			return nil, usagef("weights export needs --like").WithHint("%s", c.usageHint())
		}
		var err error
		if o.MemoryBytes, err = parseSize("memory", memory); err != nil {
			return nil, err
		}
		o.Monitor = c.monitor()
		r, err := wiseft.ExportWeights(ctx, out, c.args[0], o)
		return weightsExported.result(r, err)
	})
}

// weightsReport is what weights apply prints.
type weightsReport struct {
	*wiseft.WeightsResult
	OK    *bool  `json:"ok,omitempty"`    // false: nothing was written
	Error string `json:"error,omitempty"` // why
	Kind  string `json:"kind,omitempty"`
}

var weightsApplied = form[weightsReport]{"wiseft.weights-apply/1", writeWeights}

// weightsResult prints what was mapped, also where nothing was written.
func weightsResult(c *call, r *wiseft.WeightsResult, err error) (result, error) {
	if err == nil || r == nil {
		return weightsApplied.result(&weightsReport{WeightsResult: r}, err)
	}
	report := &weightsReport{WeightsResult: r, OK: new(bool), Error: err.Error(), Kind: wiseft.KindOf(err).String()}
	if c.asJSON {
		return weightsApplied.failed(c, report, err)
	}
	return nil, err // it lists what is refused
}

func writeWeights(w io.Writer, r *weightsReport) error {
	writeConstants(w, r.Kept)
	for _, x := range r.Refused {
		fmt.Fprintf(w, "kept although it may depend on the checkpoint: %s (%s)\n", x.Initializer, x.Reason)
	}
	if len(r.Unused) > 0 {
		fmt.Fprintf(w, "%d tensors of the checkpoint are not in the model: %s\n", len(r.Unused), shortList(r.Unused))
	}
	for _, note := range r.Notes {
		fmt.Fprintln(w, note)
	}
	fmt.Fprintf(w, "%d weights from the checkpoint, proved by their values", len(r.Mapped))
	if n := settled(r.Mapped); n > 0 {
		fmt.Fprintf(w, "; %d of these equal others, and names, layers or equality in both checkpoints settle them", n)
	}
	fmt.Fprintln(w)
	writeDataFiles(w, r.Data)
	_, err := fmt.Fprintf(w, "%s: %s bytes in %.2f s, sha256 %s\n", r.Output, humanize.Comma(r.Bytes), r.Seconds, r.SHA256)
	return err
}

// settled counts the weights that equal several tensors of the checkpoint.
func settled(list []wiseft.MappedTensor) (n int) {
	for _, m := range list {
		if strings.Contains(m.Proof, ", ") {
			n++
		}
	}
	return n
}

// writeConstants names the tensors that no checkpoint determines: those of several elements one by one, single numbers by their
// values.
func writeConstants(w io.Writer, list []wiseft.KeptTensor) {
	numbers := map[string]int{}
	for _, k := range list {
		if strings.HasPrefix(k.Reason, "the constant ") {
			numbers[strings.TrimPrefix(k.Reason, "the constant ")]++
			continue
		}
		fmt.Fprintf(w, "kept: %s (%s)\n", k.Initializer, k.Reason)
	}
	if len(numbers) > 0 {
		fmt.Fprintf(w, "kept: the numbers %s\n", strings.Join(slices.Sorted(maps.Keys(numbers)), ", "))
	}
}

var weightsExported = form[wiseft.ExportResult]{"wiseft.weights-export/1", writeExported}

func writeExported(w io.Writer, r *wiseft.ExportResult) error {
	if len(r.Copied) > 0 {
		fmt.Fprintf(w, "%d tensors are not in the model and are copied from %s: %s\n", len(r.Copied), r.Like, shortList(r.Copied))
	}
	for _, note := range r.Notes {
		fmt.Fprintln(w, note)
	}
	_, err := fmt.Fprintf(w, "%s: %d tensors from %s, %s bytes, sha256 %s\n", r.Output, len(r.Written), r.Model,
		humanize.Comma(r.Bytes), r.SHA256)
	return err
}
