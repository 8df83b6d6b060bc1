package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"text/tabwriter"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft/onnxmerge"
)

func newDiffCommand() *cli.Command {
	return newCommand(&cli.Command{
		Name:      "diff",
		Usage:     "compare two models, weight by weight",
		ArgsUsage: "A B",
		Description: "Shows which weight of A is which of B and what proves it, how far apart they are, and\n" +
			"what is in one model only. Nothing is written; the pairs are those that merge would use.\n\n" +
			"Examples:\n" +
			"  wiseft diff pretrained.onnx finetuned.onnx\n" +
			"  wiseft diff pretrained.onnx finetuned.onnx --json",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "fold-bn", Usage: "fold BatchNormalizations that only one model has, in memory", EnvVars: []string{"WISEFT_FOLD_BN"}},
			backboneFlag(),
		},
	}, runDiff)
}

type diffReport struct {
	Schema   string            `json:"schema"`
	A        string            `json:"a"`
	B        string            `json:"b"`
	Pairs    []diffPair        `json:"pairs"`
	OnlyA    []string          `json:"only_a"`
	OnlyB    []string          `json:"only_b"`
	Cosine   *float64          `json:"cosine"` // of all pairs as one vector
	RelL2    *float64          `json:"rel_l2"`
	Verdict  onnxmerge.Verdict `json:"verdict"`
	Features string            `json:"features,omitempty"` // what the head of B consumes
	Head     []string          `json:"head,omitempty"`     // weights of B behind it
	Reasons  []string          `json:"reasons"`
}

type diffPair struct {
	A          string   `json:"a"`
	B          string   `json:"b"`
	How        string   `json:"how"`
	Among      int      `json:"among,omitempty"` // how many have that part, where structure alone leaves a choice
	Transposed bool     `json:"transposed"`
	Folded     bool     `json:"folded,omitempty"` // a BatchNormalization is folded into A
	Cosine     *float64 `json:"cosine"`           // null where it is not defined
	RelL2      *float64 `json:"rel_l2"`
}

func runDiff(ctx context.Context, c *call) (result, error) {
	paths, err := c.args("A", "B")
	if err != nil {
		return nil, err
	}
	a, b, err := openPair(paths[0], paths[1])
	if err != nil {
		return nil, err
	}
	defer a.Close()
	defer b.Close()
	plan, err := onnxmerge.NewPlan(ctx, a.Model, b.Model, onnxmerge.Options{FoldNorms: c.Bool("fold-bn"), BackboneOutput: c.String("backbone-output")})
	if plan == nil { // a plan that would be refused can be shown
		return nil, namePair(err, paths)
	}
	bar := c.newProgress("comparing", "MiB")
	defer bar.end()
	d, err := plan.Diff(ctx, func(done, total int64) { bar.set(int(done>>20), int(total>>20)) })
	if err != nil {
		return nil, err
	}
	r := &diffReport{Schema: "wiseft.diff/1", A: paths[0], B: paths[1], Pairs: []diffPair{}, OnlyA: append([]string{}, d.OnlyA...),
		OnlyB: append([]string{}, d.OnlyB...), Cosine: finite(d.Cosine), RelL2: finite(d.RelL2), Verdict: d.Verdict, Reasons: append([]string{}, d.Reasons...)}
	r.Reasons = append(r.Reasons, plan.Warnings...)
	r.Features, r.Head = plan.Backbone.Output, plan.Backbone.Head
	for _, p := range d.Pairs {
		pair := diffPair{A: p.A, B: p.B, How: p.How, Transposed: p.Transposed, Folded: p.Folded, Cosine: finite(p.Cosine), RelL2: finite(p.RelL2)}
		if p.Among > 1 {
			pair.Among = p.Among
		}
		r.Pairs = append(r.Pairs, pair)
	}
	return r, nil
}

// finite is nil for what JSON cannot hold.
func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

func (r *diffReport) writeText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "B\tA\tproof\tcosine\t|B-A|/|A|")
	for _, p := range r.Pairs {
		from := p.A
		if p.A == p.B {
			from = "="
		}
		how := p.How
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
