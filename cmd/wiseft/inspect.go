package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/onnxmerge"
)

func newInspectCommand() *cli.Command {
	var o wiseft.InspectOptions
	return newCommand(&cli.Command{
		Name:      "inspect",
		Usage:     "show what a model holds, without reading its weights",
		ArgsUsage: "MODEL",
		Description: "Examples:\n" +
			"  wiseft inspect model.onnx\n" +
			"  wiseft inspect model.onnx --tensors",
		Flags: section("",
			define(&o.Tensors, "tensors", "list every tensor"),
		),
	}, exactly("MODEL"), abandonable(func(_ context.Context, c *call) (result, error) {
		return inspection.result(wiseft.Inspect(c.args[0], o))
	}))
}

var inspection = form[wiseft.Inspection]{"wiseft.inspect/1", writeInspection}

func writeInspection(w io.Writer, r *wiseft.Inspection) error {
	if r.Checkpoint != nil {
		return writeCheckpoint(w, r)
	}
	t := newTable(w)
	fmt.Fprintf(t, "model\t%s (%s bytes, IR %d, by %s)\n",
		r.Model, humanize.Comma(r.Bytes), r.IRVersion, cmp.Or(r.Producer, "an unknown producer"))
	for _, o := range r.Opsets {
		fmt.Fprintf(t, "opset\t%s %d\n", cmp.Or(o.Domain, "ai.onnx"), o.Version)
	}
	for _, v := range r.Inputs {
		fmt.Fprintf(t, "input\t%s %s [%s]\n", v.Name, v.DType, strings.Join(v.Shape, " "))
	}
	for _, v := range r.Outputs {
		fmt.Fprintf(t, "output\t%s %s [%s]\n", v.Name, v.DType, strings.Join(v.Shape, " "))
	}
	fmt.Fprintf(t, "features\t%s\n", cmp.Or(r.Features, "several outputs: name one with --output"))
	fmt.Fprintf(t, "parameters\t%s\n", humanize.Comma(r.Parameters))
	fmt.Fprintf(t, "tensors\t%s in %s\n", counts(r.DTypes), counts(r.Sites))
	fmt.Fprintf(t, "nodes\t%d: %s\n", r.Nodes, counts(r.Operators))
	for _, what := range r.Batch {
		fmt.Fprintf(t, "depends on the batch\t%s\n", what)
	}
	for _, what := range r.Unread {
		fmt.Fprintf(t, "not read\t%s\n", what)
	}
	for _, name := range r.Undefined {
		fmt.Fprintf(t, "not given\t%s\n", name)
	}
	for _, key := range slices.Sorted(maps.Keys(r.Metadata)) {
		fmt.Fprintf(t, "metadata\t%s = %s\n", key, r.Metadata[key])
	}
	for _, name := range r.Data {
		fmt.Fprintf(t, "data\t%s\n", name)
	}
	if r.Provenance != nil {
		writeProvenance(t, r.Provenance)
	}
	if r.Weights != nil {
		fmt.Fprintf(t, "weights\t%s\n", weightsOf(r.Weights))
	}
	for _, x := range r.Tensors {
		fmt.Fprintf(t, "%s\t%s %v\t%s bytes\t%s, %s\n",
			x.Name, x.DType, x.Shape, humanize.Comma(x.Bytes), x.Site, cmp.Or(x.File, x.Store))
	}
	return t.Flush()
}

// writeCheckpoint shows a checkpoint.
func writeCheckpoint(w io.Writer, r *wiseft.Inspection) error {
	t := newTable(w)
	fmt.Fprintf(t, "checkpoint\t%s (%s bytes, %s)\n", r.Model, humanize.Comma(r.Bytes), r.Checkpoint.Format)
	for _, key := range r.Checkpoint.Within {
		fmt.Fprintf(t, "weights in\t%s\n", key)
	}
	for _, key := range r.Checkpoint.Skipped {
		fmt.Fprintf(t, "not read\t%s\n", key)
	}
	fmt.Fprintf(t, "parameters\t%s\n", humanize.Comma(r.Parameters))
	fmt.Fprintf(t, "tensors\t%s\n", counts(r.DTypes))
	for _, key := range slices.Sorted(maps.Keys(r.Metadata)) {
		fmt.Fprintf(t, "metadata\t%s = %s\n", key, r.Metadata[key])
	}
	for _, x := range r.Tensors {
		fmt.Fprintf(t, "%s\t%s %v\t%s bytes\n", x.Name, x.DType, x.Shape, humanize.Comma(x.Bytes))
	}
	return t.Flush()
}

// weightsOf says which checkpoint's weights a model has.
func weightsOf(w *onnxmerge.Weights) string {
	how := "proved by values"
	switch {
	case w.Unproven && len(w.Adapters) > 0:
		how = "by names"
	case w.Unproven:
		how = "by names and nearness"
	}
	if len(w.Adapters) > 0 {
		return addedTo(w) + ", " + how
	}
	return fmt.Sprintf("%s (xxh3_128 %s) in the graph of %s, %s", w.To[0].File, w.To[0].XXH3, w.Base.File, how)
}

// addedTo says which adapters were added to a model.
func addedTo(w *onnxmerge.Weights) string {
	var list []string
	for _, a := range w.Adapters {
		text := fmt.Sprintf("%s:%v", a.Path, a.Scale)
		for _, f := range a.Files {
			text += fmt.Sprintf(" (%s, xxh3_128 %s)", f.File, f.XXH3)
		}
		list = append(list, text)
	}
	return w.Base.File + " with the adapters " + strings.Join(list, ", ")
}

// writeProvenance shows how a model was merged.
func writeProvenance(w io.Writer, p *onnxmerge.Provenance) {
	fmt.Fprintf(w, "merged\t%s, %d tensors merged, %d copied, by wiseft %s\n", recipeOf(p), p.Merged, p.Copied, p.Version)
	if s := p.Selection; s != nil {
		fmt.Fprintf(w, "chosen\tfrom %d models by accuracy on %s; %s\n", len(s.Candidates), s.Validation, s.Rule)
	}
	if p.FoldNorms {
		fmt.Fprintln(w, "fold\taffine operators that only one model had were folded")
	}
	if p.Statistics == onnxmerge.Deviations {
		fmt.Fprintln(w, "norms\tstandard deviations were mixed instead of running variances")
	}
	for _, pair := range p.Pairs {
		fmt.Fprintf(w, "pair\t%s is %s\n", pair.B, pair.A)
	}
	if p.BackboneAt != "" {
		fmt.Fprintf(w, "backbone\tup to %s, as given\n", p.BackboneAt)
	}
	for _, pattern := range p.Include {
		fmt.Fprintf(w, "include\t%s\n", pattern)
	}
	for _, pattern := range p.Exclude {
		fmt.Fprintf(w, "exclude\t%s\n", pattern)
	}
	for _, m := range p.Models {
		text := fmt.Sprintf("%s, sha256 %s", m.File, m.SHA256)
		var from onnxmerge.Provenance
		if weights, err := onnxmerge.ParseWeights(m.From); err == nil {
			text += fmt.Sprintf(" (a model made of %s)", weightsOf(weights))
		} else if m.From != nil && json.Unmarshal(m.From, &from) == nil {
			text += fmt.Sprintf(" (itself merged: %s)", recipeOf(&from))
		}
		fmt.Fprintf(w, "from\t%s\n", text)
		for _, d := range m.Data {
			fmt.Fprintf(w, "\t%s, xxh3_128 %s\n", d.File, d.XXH3)
		}
	}
}

// recipeOf writes "linear, alpha=0.5".
func recipeOf(p *onnxmerge.Provenance) string {
	text := p.Method
	for _, name := range slices.Sorted(maps.Keys(p.Params)) {
		text += fmt.Sprintf(", %s=%v", name, p.Params[name])
	}
	return text
}

// counts writes "12 Conv, 3 Relu", the most frequent first.
func counts(m map[string]int) string {
	names := slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		return cmp.Or(cmp.Compare(m[b], m[a]), cmp.Compare(a, b))
	})
	parts := make([]string, len(names))
	for i, name := range names {
		parts[i] = fmt.Sprintf("%d %s", m[name], name)
	}
	return cmp.Or(strings.Join(parts, ", "), "none")
}
