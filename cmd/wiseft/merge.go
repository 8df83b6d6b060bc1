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
	"github.com/wiseft/wiseft/onnxmerge"
)

// mergeCommand has the options of merge.
type mergeCommand struct {
	mergeOptions
	storageOptions
	proveOptions
	repairOptions
	alignOptions
	out         string
	alpha       float64
	plan        bool
	adapters    []string
	modelMemory string
}

func newMergeCommand() *cli.Command {
	var o mergeCommand
	flags := section("",
		outFlag(&o.out, "the merged model's `FILE`"),
		define(&o.alpha, "alpha", "share of the fine-tuned model, 0 to 1").or(0.5).env(),
		define(&o.adapters, "adapter", "add a LoRA adapter to the one model that is named: `PATH` of PEFT's folder or of a file with kohya's "+
			"names, or PATH:SCALE with a factor of the whole delta, by default 1; may be repeated"),
		define(&o.Fisher, "fisher", "diagonal Fisher information of a model, as an ONNX `FILE`; one for each model, "+
			"in their order"),
		define(&o.recipe, "recipe", "read models, method and parameters from a YAML `FILE`; see wiseft recipe").env(),
		define(&o.plan, "plan", "print what would be done to every tensor, and write nothing"),
	)
	return newCommand(&cli.Command{
		Name:      "merge",
		Usage:     "mix a pre-trained and a fine-tuned model, tensor by tensor",
		ArgsUsage: "PRETRAINED FINETUNED [MORE…] -o OUT.onnx",
		Description: "theta = (1 - alpha) * PRETRAINED + alpha * FINETUNED: alpha 0 is the pre-trained\n" +
			"model's weights, 1 the fine-tuned one's. Everything that is not merged (the head,\n" +
			"integers, the graph itself) is copied from FINETUNED byte for byte. OUT.onnx says in\n" +
			"its metadata how it was made; wiseft verify compares it with that.\n\n" +
			"Other methods (wiseft list methods) take more models: the pre-trained one first, and\n" +
			"last the one that everything else is copied from.\n\n" +
			"A model may be a checkpoint (safetensors, .pth): it gets the graph of the ONNX model. Which tensor is\n" +
			"which weight is proved with --base-weights, the checkpoint that the ONNX model was exported from.\n\n" +
			"With --adapter one model is named, and LoRA adapters are added to it: PATH:1 gives what merge_and_unload of PEFT\n" +
			"gives, PATH:0.5 half of the way, and --alpha does not apply. Deltas of several adapters are added. With another\n" +
			"--method than linear each adapter is a fine-tuned model of its own.\n\n" +
			"Examples:\n" +
			"  wiseft merge pretrained.onnx finetuned.onnx -o merged.onnx --alpha 0.5\n" +
			"  wiseft merge pretrained.onnx finetuned.onnx --plan\n" +
			"  wiseft merge pretrained.onnx finetuned.onnx -o merged.onnx --exclude 'head.*'\n" +
			"  wiseft merge pretrained.onnx finetuned.onnx -o merged.onnx --prove\n" +
			"  wiseft merge pretrained.onnx finetuned.onnx -o merged.onnx --repair modelnet40 --points 1024\n" +
			"  wiseft merge a.onnx b.onnx -o merged.onnx --align activations --repair modelnet40 --points 1024\n" +
			"  wiseft merge a.onnx b.onnx -o merged.onnx --pair fc1.weight=module.fc1.weight\n" +
			"  wiseft merge base.onnx task1.onnx task2.onnx -o merged.onnx --method ties --param density=0.3\n" +
			"  wiseft merge pretrained.onnx finetuned.onnx -o merged.onnx --set 'encoder/*=0.3' --set depth:0.5-1=0.8\n" +
			"  wiseft merge base.onnx tuned.safetensors --base-weights base.safetensors -o merged.onnx\n" +
			"  wiseft merge base.onnx --adapter lora:0.7 --base-weights base.safetensors -o merged.onnx\n" +
			"  wiseft merge --recipe recipe.yaml -o merged.onnx\n" +
			"  wiseft merge big.onnx tuned.onnx -o merged.onnx --external always --shard-size 2GiB",
		Flags: slices.Concat(flags, o.storageOptions.flags(), o.mergeOptions.flags(),
			o.alignOptions.flags(), o.repairOptions.flags(),
			repairMemory(&o.modelMemory),
			o.proveOptions.flags("prove"), []cli.Flag{backboneFlag(&o.BackboneOutput)}),
	}, atLeast(), abandonable(o.run))
}

// mergeReport is what merge and merge --plan print.
type mergeReport struct {
	*wiseft.MergeResult
	OK     *bool                `json:"ok,omitempty"`    // of a plan: it can be executed
	Error  string               `json:"error,omitempty"` // why it cannot
	Plan   []onnxmerge.Decision `json:"plan,omitempty"`  // without how tensors are paired, which diff reports
	OnlyA  []string             `json:"only_pretrained,omitempty"`
	unused []string             // weights of the pre-trained model alone, for the text
}

func (o *mergeCommand) run(ctx context.Context, c *call) (result, error) {
	takes := pairArguments
	if len(o.adapters) > 0 {
		takes = exactly("MODEL.onnx")
	}
	models, opt, err := o.job(c, takes)
	if err != nil {
		return nil, err
	}
	if len(o.adapters) > 0 && o.recipe == "" {
		if models, err = o.addAdapters(c, &opt, models); err != nil {
			return nil, err
		}
	}
	write, err := o.storageOptions.options()
	if err != nil {
		return nil, err
	}
	if o.recipe != "" {
		write.Inputs = []string{o.recipe}
	}
	if c.IsSet("alpha") {
		opt.Params["alpha"] = o.alpha
	}
	if len(opt.Pairs) > 0 && !c.IsSet("prove") {
		o.prove = true // what is stated is proved, unless --prove=false
	}
	opt.Monitor, opt.Prove = c.monitor(), o.proveOptions.options(c)
	runtime := o.Runtime
	if runtime.ModelMemory, err = parseSize("model-memory", o.modelMemory); err != nil {
		return nil, err
	}
	if opt.Repair, err = o.repairOptions.options(c, &o.dataOptions, runtime, opt.Repair); err != nil {
		return nil, err
	}
	if opt.Align, err = o.alignOptions.options(c, &o.dataOptions, o.Runtime.Library, o.repairOptions.data,
		opt.Align); err != nil {
		return nil, err
	}
	if o.plan {
		return showPlan(ctx, c, models, opt)
	}
	made, err := wiseft.Merge(ctx, o.out, models, opt, write)
	if err != nil && made != nil && c.asJSON { // a pairing that is disproved: the error has it in words
		return merged.failed(c, &mergeReport{MergeResult: made, OK: new(bool), Error: err.Error()}, err)
	}
	return merged.result(&mergeReport{MergeResult: made}, err)
}

// addAdapters adds the adapters of --adapter to the options, and returns the models that are merged.
func (o *mergeCommand) addAdapters(c *call, opt *wiseft.MergeOptions, models []string) ([]string, error) {
	if c.IsSet("alpha") {
		return nil, usagef("--alpha does not apply to --adapter: the number behind an adapter scales its delta").
			WithHint("--adapter PATH:%v", o.alpha)
	}
	var list []wiseft.Adapter
	for _, text := range o.adapters {
		a, err := wiseft.ParseAdapter(text)
		if err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	return opt.AddAdapters(models[0], list)
}

var merged = form[mergeReport]{"wiseft.merge/1", writeMerge}

// showPlan reports a plan. A refused plan is printed before its error, which decides the exit code; with --json the
// document contains the error.
func showPlan(ctx context.Context, c *call, models []string, opt wiseft.MergeOptions) (result, error) {
	plan, err := wiseft.PlanMerge(ctx, models, opt)
	if err != nil {
		return nil, err
	}
	defer plan.Close()
	r := &mergeReport{MergeResult: plan.Describe(), OnlyA: plan.OnlyA, unused: plan.Unused}
	r.Plan = slices.Grow(r.Plan, len(plan.Decisions))
	for _, d := range plan.Decisions {
		r.Plan = append(r.Plan,
			onnxmerge.Decision{Tensor: d.Tensor, Action: d.Action, Reason: d.Reason, DType: d.DType, Dims: d.Dims})
	}
	err = plan.Err()
	ok := err == nil
	if r.OK = &ok; ok {
		return merged.result(r, nil)
	}
	r.Error = err.Error()
	return merged.failed(c, r, err)
}

// writeNorms says how running variances are mixed.
func writeNorms(w io.Writer, s *onnxmerge.Shrink) {
	if s != nil {
		fmt.Fprintln(w, s)
	}
}

// writeHead lists what was not merged because it comes after the backbone.
func writeHead(w io.Writer, head []string, features string) {
	if len(head) == 0 {
		return
	}
	fmt.Fprintf(w, "head of the fine-tuned model, kept: %s", shortList(head))
	if features != "" {
		fmt.Fprintf(w, " (it consumes %q)", features)
	}
	fmt.Fprintln(w)
}

// shortList joins at most four names.
func shortList(names []string) string {
	list := strings.Join(names[:min(4, len(names))], ", ")
	if len(names) > 4 {
		list += ", …"
	}
	return list
}

func writeMerge(w io.Writer, r *mergeReport) error {
	if r.Plan != nil {
		t := newTable(w)
		for _, p := range r.Plan {
			fmt.Fprintf(t, "%s\t%s\t%s %v\t%s\n", p.Action, p.Tensor, p.DType, p.Dims, p.Reason)
		}
		for _, name := range r.unused {
			fmt.Fprintf(t, "unused\t%s\t\tonly in the pre-trained model\n", name)
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	writeWarnings(w, r.Warnings)
	if len(r.Kept.New) > 0 {
		fmt.Fprintf(w, "%d weights only in the fine-tuned model, kept: %s\n", len(r.Kept.New), shortList(r.Kept.New))
	}
	for _, a := range r.Adapters {
		fmt.Fprintf(w, "added to %s: %s, %v of its delta\n", a.Model, a.Path, a.Scale)
	}
	writeHead(w, r.Head, r.Features)
	writeProofs(w, r.Proof, r.Proofs)
	writeNorms(w, r.Norms)
	writeAligned(w, r.Aligned)
	if r.Repair != nil {
		fmt.Fprintln(w, r.Repair)
	}
	fmt.Fprintf(w, "%d tensors merged (%s parameters), %d copied, %d refused\n",
		r.Tensors.Merged, humanize.Comma(r.Parameters), r.Tensors.Copied, r.Tensors.Refused)
	if r.Output == "" {
		return nil
	}
	writeDataFiles(w, r.Data)
	_, err := fmt.Fprintf(w, "%s: %s bytes in %.2f s, sha256 %s\n", r.Output, humanize.Comma(r.Bytes), r.Seconds, r.SHA256)
	return err
}
