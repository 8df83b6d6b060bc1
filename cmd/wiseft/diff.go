package main

import (
	"context"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
)

func newDiffCommand() *cli.Command {
	var o wiseft.MergeOptions
	return newCommand(&cli.Command{
		Name:      "diff",
		Usage:     "compare two models, weight by weight",
		ArgsUsage: "A B",
		Description: "Shows which weight of A is which of B and what proves it, how far apart they are, and\n" +
			"what is in one model only. Nothing is written; the pairs are those that merge would use.\n\n" +
			"Examples:\n" +
			"  wiseft diff pretrained.onnx finetuned.onnx\n" +
			"  wiseft diff pretrained.onnx finetuned.onnx --json",
		Flags: append(section("", foldNormsFlag(&o.FoldNorms)), backboneFlag(&o.BackboneOutput)),
	}, exactly("A", "B"), func(ctx context.Context, c *call) (result, error) {
		o.Monitor = c.monitor()
		return difference.result(wiseft.Diff(ctx, c.args[0], c.args[1], o))
	})
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
