package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/onnxmerge"
)

// diffCommand has the options of diff.
type diffCommand struct {
	wiseft.MergeOptions
	proof proveOptions
	pairs []string
	why   string
	plot  wiseft.WeightsOptions
}

func newDiffCommand() *cli.Command {
	var o diffCommand
	flags := section("",
		foldNormsFlag(&o.FoldNorms),
		pairFlag(&o.pairs),
		baseWeightsFlag(&o.BaseWeights),
		define(&o.plot.Output, "plot", "draw how far the weights are apart over the depth of the model, as `FILE`: .svg or .png"),
		forceFlag(&o.plot.Force, "replace the file of --plot if it exists"),
		define(&o.why, "why", "explain the decision about one `TENSOR` of B: its possible counterparts, and their evidence"),
	)
	return newCommand(&cli.Command{
		Name:      "diff",
		Usage:     "compare two models, weight by weight",
		ArgsUsage: "A B",
		Description: "Shows which weight of A is which of B and what proves it, how far apart they are, and\n" +
			"what is in one model only. Nothing is written; the pairs are those that merge would use.\n" +
			"With --data of labelled samples it measures whether the models between the two work.\n\n" +
			"Examples:\n" +
			"  wiseft diff pretrained.onnx finetuned.onnx\n" +
			"  wiseft diff pretrained.onnx finetuned.onnx --why layer1.weight\n" +
			"  wiseft diff pretrained.onnx finetuned.onnx --plot weights.svg\n" +
			"  wiseft diff pretrained.onnx finetuned.onnx --json",
		Flags: slices.Concat(flags, o.proof.flags("prove"), []cli.Flag{backboneFlag(&o.BackboneOutput)}),
	}, exactly("A", "B"), abandonable(o.run))
}

func (o *diffCommand) run(ctx context.Context, c *call) (_ result, err error) {
	opt := o.MergeOptions
	if opt.Pairs, err = parsePairs(o.pairs); err != nil {
		return nil, err
	}
	opt.Monitor, opt.Prove = c.monitor(), o.proof.options(c)
	if o.why != "" {
		return explanation.result(wiseft.Why(ctx, c.args[0], c.args[1], o.why, opt))
	}
	r, err := o.compare(ctx, c, opt)
	if err != nil || o.proof.data == "" || r.Verdict == onnxmerge.Refused {
		return difference.result(r, err)
	}
	r.Barrier, err = wiseft.MeasureBarrier(ctx, c.args[0], c.args[1], opt, o.proof.at(o.proof.data), o.proof.Runtime,
		o.proof.layout)
	return difference.result(r, err)
}

// compare compares the models, and draws them if --plot is given.
func (o *diffCommand) compare(ctx context.Context, c *call, opt wiseft.MergeOptions) (*wiseft.DiffResult, error) {
	if o.plot.Output == "" {
		return wiseft.Diff(ctx, c.args[0], c.args[1], opt)
	}
	return wiseft.DiffPlot(ctx, c.args[0], c.args[1], opt, o.plot)
}

var explanation = form[onnxmerge.Why]{"wiseft.why/1", writeWhy}

// writeWhy shows the possible counterparts of a tensor.
func writeWhy(w io.Writer, r *onnxmerge.Why) error {
	d := r.Decision
	fmt.Fprintf(w, "%s: %s %v, used by %s\n%s: %s\n", d.Tensor, d.DType, d.Dims, operators(r.Uses), d.Action, d.Reason)
	if d.Advice != "" {
		fmt.Fprintln(w, "advice:", d.Advice)
	}
	t := newTable(w)
	fmt.Fprintln(t, "A\tcosine\tused by\t")
	for _, c := range r.Counterparts {
		var notes []string
		if c.Chosen {
			notes = append(notes, "chosen")
		}
		if c.Namesake {
			notes = append(notes, "same name")
		}
		if c.PairOf != "" && !c.Chosen {
			notes = append(notes, "pair of "+c.PairOf)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", c.Tensor, figure(c.Cosine), operators(c.Uses), strings.Join(notes, ", "))
	}
	return t.Flush()
}

// operators joins the names of operators.
func operators(list []string) string {
	if len(list) == 0 {
		return "nothing"
	}
	return strings.Join(list, ", ")
}

var difference = form[wiseft.DiffResult]{"wiseft.diff/1", writeDifference}

func writeDifference(w io.Writer, r *wiseft.DiffResult) error {
	t := newTable(w)
	fmt.Fprintln(t, "B\tA\tproof\tcosine\t|B-A|/|A|")
	for _, p := range r.Pairs {
		from := p.A
		if p.A == p.B {
			from = "="
		}
		how := string(p.How)
		if p.Among > 1 {
			how += fmt.Sprintf(", one of %d", p.Among)
		}
		if p.Transposed {
			how += ", transposed"
		}
		if p.Folded {
			how += ", folded"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", p.B, from, how, figure(p.Cosine), figure(p.RelL2))
	}
	for _, name := range r.OnlyB {
		fmt.Fprintf(t, "%s\t-\n", name)
	}
	for _, name := range r.OnlyA {
		fmt.Fprintf(t, "-\t%s\n", name)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, reason := range r.Reasons {
		fmt.Fprintln(w, reason)
	}
	writeHead(w, r.Head, r.Features)
	writeProofs(w, r.Proof, nil)
	writeNorms(w, r.Norms)
	if r.Plot != "" {
		fmt.Fprintf(w, "%s: plot of the weights\n", r.Plot)
	}
	fmt.Fprintf(w, "%s by distance; ", r.Relation)
	if b := r.Barrier; b != nil {
		fmt.Fprintln(w, b)
	} else {
		fmt.Fprintln(w, "whether models between the two work is not known: measure it with --data DATA, which has labels")
	}
	_, err := fmt.Fprintf(w, "%s: %d pairs, cosine %s, distance %s; %d weights only in %s, %d only in %s\n",
		r.Verdict, len(r.Pairs), figure(r.Cosine), figure(r.RelL2), len(r.OnlyA), r.A, len(r.OnlyB), r.B)
	return err
}

func figure(v *float64) string {
	if v == nil {
		return "undefined"
	}
	return fmt.Sprintf("%.4f", *v)
}
