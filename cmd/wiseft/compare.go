package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/internal/text"
	benchresult "github.com/wiseft/wiseft/probe/bench/result"
)

func newCompareCommand() *cli.Command {
	return newCommand(&cli.Command{
		Name:      "compare",
		Usage:     "test whether two models of a sweep or benchmark differ",
		ArgsUsage: "RUN A B",
		Description: "A and B are models as the run's table names them. Both answered the same samples, so\n" +
			"the tests are paired: McNemar's for clean data, and random signs by cloud under\n" +
			"corruption, where every cloud occurs under every severity.\n\n" +
			"Example:\n" +
			"  wiseft compare run alpha=0.5 alpha=1",
	}, exactly("RUN", "A", "B"), func(_ context.Context, c *call) (result, error) {
		return comparison.result(wiseft.Compare(c.args[0], c.args[1], c.args[2]))
	})
}

var comparison = form[benchresult.Compared]{"wiseft.compare/1", writeComparison}

func writeComparison(w io.Writer, r *benchresult.Compared) error {
	explained := "differences in points, mCE as it is; clean: McNemar's test, mid-p; others: random signs by cloud"
	points, digits := 100., "%+.2f"
	for _, on := range r.Tests {
		fmt.Fprintf(w, "%s - %s on %s, %s\n", r.A, r.B, on.Test, text.Count(on.N, "sample"))
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(t, "\tdifference\t95 % interval\tpaired bootstrap\tp\tp (Holm)\t")
		line := func(name string, scale float64, d *benchresult.Difference) {
			if d != nil {
				fmt.Fprintf(t, strings.ReplaceAll("%s\tN\tN to N\tN to N\t%.4f\t%.4f\t\n", "N", digits), name, scale*float64(d.Difference),
					scale*float64(d.Interval[0]), scale*float64(d.Interval[1]),
					scale*float64(d.Bootstrap[0]), scale*float64(d.Bootstrap[1]), d.P, d.PHolm)
			}
		}
		if on.Scores {
			points, digits = 1, "%+.4g"
			explained = "differences of scores: random signs by sample"
		}
		line("clean", points, on.Clean)
		for _, name := range slices.Sorted(maps.Keys(on.Corruptions)) {
			line(name, points, on.Corruptions[name])
		}
		line("mOA", points, on.MOA)
		line("corrupted", points, on.CorruptedScore)
		line("mCE", 1, on.MCE)
		if err := t.Flush(); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(w, explained)
	return err
}
