package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/graph"
	"github.com/wiseft/wiseft/onnxmerge/method"
)

func newMergeCommand() *cli.Command {
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
			"Examples:\n" +
			"  wiseft merge pretrained.onnx finetuned.onnx -o merged.onnx --alpha 0.5\n" +
			"  wiseft merge pretrained.onnx finetuned.onnx --plan\n" +
			"  wiseft merge pretrained.onnx finetuned.onnx -o merged.onnx --exclude 'head.*'\n" +
			"  wiseft merge base.onnx task1.onnx task2.onnx -o merged.onnx --method ties --param density=0.3\n" +
			"  wiseft merge pretrained.onnx finetuned.onnx -o merged.onnx --set 'encoder/*=0.3' --set depth:0.5-1=0.8\n" +
			"  wiseft merge --recipe recipe.yaml -o merged.onnx\n" +
			"  wiseft merge big.onnx tuned.onnx -o merged.onnx --external always --shard-size 2GiB",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: "the merged model's `FILE`"},
			&cli.Float64Flag{Name: "alpha", Value: 0.5, Usage: "share of the fine-tuned model, 0 to 1", EnvVars: []string{"WISEFT_ALPHA"}},
			backboneFlag(),
			&cli.StringSliceFlag{Name: "fisher", Usage: "diagonal Fisher information of a model, as an ONNX `FILE`; one for each model, in their order"},
			&cli.StringFlag{Name: "recipe", Usage: "read models, method and parameters from a YAML `FILE`; see wiseft recipe", EnvVars: []string{"WISEFT_RECIPE"}},
			&cli.BoolFlag{Name: "plan", Usage: "print what would be done to every tensor, and write nothing"},
		}, append(storageFlags(), mergeFlags()...)...),
	}, runMerge)
}

// mergeReport is what merge and merge --plan print.
type mergeReport struct {
	Schema     string               `json:"schema"`
	Output     string               `json:"output,omitempty"`
	Data       []onnxmerge.DataFile `json:"data,omitempty"` // files beside the output
	Method     string               `json:"method"`
	Alpha      *float64             `json:"alpha,omitempty"`
	Params     method.Params        `json:"params"`
	Tensors    tensorCounts         `json:"tensors"`
	Parameters int64                `json:"parameters"` // elements merged
	Bytes      int64                `json:"bytes"`
	Seconds    float64              `json:"seconds"`
	SHA256     string               `json:"sha256,omitempty"`
	Clamped    []onnxmerge.Clamped  `json:"clamped,omitempty"`
	Features   string               `json:"features,omitempty"` // what the head consumes
	Head       []string             `json:"head,omitempty"`     // weights kept from FINETUNED, behind the backbone
	Warnings   []string             `json:"warnings"`
	Plan       []plannedTensor      `json:"plan,omitempty"`
	OnlyA      []string             `json:"only_pretrained,omitempty"`
	plan       *onnxmerge.Plan      // for the text
}

type tensorCounts struct {
	Merged  int `json:"merged"`
	Copied  int `json:"copied"`
	Refused int `json:"refused"`
}

type plannedTensor struct {
	Tensor string  `json:"tensor"`
	Action string  `json:"action"`
	Reason string  `json:"reason"`
	DType  string  `json:"dtype"`
	Shape  []int64 `json:"shape"`
}

func runMerge(ctx context.Context, c *call) (result, error) {
	job, err := c.mergeJob()
	if err != nil {
		return nil, err
	}
	out := c.String("out")
	if !c.Bool("plan") {
		if err := checkOutput(out, c.Bool("force"), job.files()...); err != nil {
			return nil, err
		}
	}
	layout, err := c.storage()
	if err != nil {
		return nil, err
	}
	if !c.Bool("no-provenance") {
		job.opt.Origin = &onnxmerge.Origin{Version: buildVersion()}
		for _, path := range job.files() {
			job.opt.Origin.Files = append(job.opt.Origin.Files, filepath.Base(path))
		}
	}
	models, err := job.open()
	if err != nil {
		return nil, err
	}
	defer models.Close()
	plan, err := job.plan(ctx, models)
	if c.Bool("plan") && plan != nil {
		return c.showPlan(plan, namePair(err, job.models))
	}
	if err != nil {
		return nil, namePair(err, job.models)
	}
	return c.writeMerge(ctx, plan, layout, &modelOut{path: out, force: c.Bool("force"), inputs: models.paths()})
}

// writeMerge runs the plan.
func (c *call) writeMerge(ctx context.Context, plan *onnxmerge.Plan, layout graph.WriteOptions, out *modelOut) (*mergeReport, error) {
	r := newMergeReport(plan)
	start := time.Now()
	bar := c.newProgress("merging", "MiB")
	defer bar.end()
	defer out.Abort()
	layout.DataName = dataName(out.path)
	made, err := plan.Write(ctx, out, layout, func(done, total int64) { bar.set(int(done>>20), int(total>>20)) })
	if err != nil {
		return nil, err
	}
	if err := out.Commit(); err != nil {
		return nil, err
	}
	r.Output, r.SHA256, r.Bytes = out.path, out.own().SHA256(), out.own().size
	for _, f := range made.Data {
		r.Data = append(r.Data, onnxmerge.DataFile{File: f.Name, Bytes: f.SizeBytes, XXH3: f.Hash})
	}
	if layout.Layout == graph.Outside && len(made.Data) == 0 {
		r.Warnings = append(r.Warnings, "no payload moved out: data files hold initializers of 1 KiB and more, and the model has none")
	}
	r.Clamped = made.Clamped
	for _, clamped := range made.Clamped {
		r.Warnings = append(r.Warnings, describeClamped(clamped))
	}
	r.Warnings = append(r.Warnings, made.Notes...)
	r.Seconds = time.Since(start).Seconds()
	return r, nil
}

func describeClamped(c onnxmerge.Clamped) string {
	return fmt.Sprintf("%d values of the running variance %q would be negative and are 0, which scales their channels up by hundreds; --exclude '%s' keeps the fine-tuned one",
		c.Values, c.Tensor, c.Tensor)
}

// showPlan reports a plan. One that cannot run, for the reason err, is shown all the
// same, since it was asked for; err then decides the exit code.
func (c *call) showPlan(plan *onnxmerge.Plan, err error) (result, error) {
	r := newMergeReport(plan)
	r.describePlan()
	if err != nil && !c.Bool("json") { // there is one JSON document, and that is the error
		err = errors.Join(r.writeText(c.out), err)
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// namePair puts the models' paths in front of an error about them together.
func namePair(err error, paths []string) error {
	if !is[*onnxmerge.MismatchError](err) {
		return err
	}
	last := len(paths) - 1
	return fmt.Errorf("%s and %s: %w", strings.Join(paths[:last], ", "), paths[last], err)
}

// writeHead says what was not merged because it comes after the backbone.
func writeHead(w io.Writer, head []string, features string) {
	if len(head) == 0 {
		return
	}
	text := strings.Join(head[:min(4, len(head))], ", ")
	if len(head) > 4 {
		text += ", …"
	}
	fmt.Fprintf(w, "head of the fine-tuned model, kept: %s", text)
	if features != "" {
		fmt.Fprintf(w, " (it consumes %q)", features)
	}
	fmt.Fprintln(w)
}

func newMergeReport(p *onnxmerge.Plan) *mergeReport {
	r := &mergeReport{Schema: "wiseft.merge/1", Method: p.Method.Name, Params: p.Params, Features: p.Backbone.Output, Head: p.Backbone.Head,
		Warnings: p.Warnings, plan: p}
	if r.Warnings == nil {
		r.Warnings = []string{}
	}
	if alpha, ok := p.Params["alpha"].(float64); ok {
		r.Alpha = &alpha
	}
	r.Tensors.Merged, r.Parameters = p.Count(onnxmerge.Merge)
	r.Tensors.Copied, _ = p.Count(onnxmerge.Copy)
	r.Tensors.Refused, _ = p.Count(onnxmerge.Refuse)
	return r
}

func (r *mergeReport) describePlan() {
	for _, d := range r.plan.Decisions {
		r.Plan = append(r.Plan, plannedTensor{d.Tensor, d.Action.String(), d.Reason, d.DType.String(), d.Dims})
	}
	r.OnlyA = r.plan.OnlyA
}

func (r *mergeReport) writeText(w io.Writer) error {
	if r.Plan != nil {
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, p := range r.Plan {
			fmt.Fprintf(t, "%s\t%s\t%s %v\t%s\n", p.Action, p.Tensor, p.DType, p.Shape, p.Reason)
		}
		for _, name := range r.plan.UnusedWeights() {
			fmt.Fprintf(t, "unused\t%s\t\tonly in the pre-trained model\n", name)
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	for _, warning := range r.Warnings {
		fmt.Fprintln(w, "warning: "+warning)
	}
	writeHead(w, r.Head, r.Features)
	fmt.Fprintf(w, "%d tensors merged (%s parameters), %d copied, %d refused\n",
		r.Tensors.Merged, humanize.Comma(r.Parameters), r.Tensors.Copied, r.Tensors.Refused)
	if r.Output == "" {
		return nil
	}
	for _, f := range r.Data {
		fmt.Fprintf(w, "%s: %s bytes, xxh3_128 %s\n", f.File, humanize.Comma(f.Bytes), f.XXH3)
	}
	_, err := fmt.Fprintf(w, "%s: %s bytes in %.2f s, sha256 %s\n", r.Output, humanize.Comma(r.Bytes), r.Seconds, r.SHA256)
	return err
}
