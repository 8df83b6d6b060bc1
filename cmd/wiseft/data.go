package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"text/tabwriter"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft/datasets"
)

func newDataCommand() *cli.Command {
	return newCommand(&cli.Command{
		Name:        "data",
		Usage:       "show what a data set holds",
		ArgsUsage:   "DATA",
		Description: "Every sample is read and checked.\n\nExample:\n  wiseft data modelnet40_ply_hdf5_2048 --split test",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "split", Usage: "part of the data: train, test, …", EnvVars: []string{"WISEFT_SPLIT"}},
		}, dataFlags()...),
	}, runData)
}

type dataReport struct {
	Schema string `json:"schema"`
	datasets.Info
	N      int            `json:"n"`
	SHA256 string         `json:"sha256"`
	Labels []labelCount   `json:"labels"`
	Shapes map[string]int `json:"shapes"` // samples by shape
	Min    float32        `json:"min"`
	Max    float32        `json:"max"`
}

type labelCount struct {
	Label int64  `json:"label"`
	Name  string `json:"name,omitempty"`
	N     int    `json:"n"`
}

func runData(ctx context.Context, c *call) (_ result, err error) {
	args, err := c.args("DATA")
	if err != nil {
		return nil, err
	}
	opened, data, err := c.openData(args[0], c.String("split"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	r := &dataReport{Schema: "wiseft.data/1", Info: data.Info(), N: data.Len(), Shapes: map[string]int{},
		Min: float32(math.Inf(1)), Max: float32(math.Inf(-1))}
	if r.SHA256, err = data.Hash(ctx); err != nil {
		return nil, err
	}
	bar := c.newProgress("reading", "samples")
	defer bar.end()
	labels := map[int64]int{}
	var s datasets.Sample
	for i := range data.Len() {
		if err := data.Read(ctx, &s, i); err != nil {
			return nil, err
		}
		labels[s.Label]++
		r.Shapes[fmt.Sprint(s.Shape)]++
		for _, v := range s.X {
			r.Min, r.Max = min(r.Min, v), max(r.Max, v)
		}
		bar.set(i+1, data.Len())
	}
	if r.N == 0 {
		r.Min, r.Max = 0, 0
	}
	r.countLabels(labels)
	return r, nil
}

func (r *dataReport) countLabels(labels map[int64]int) {
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		item := labelCount{Label: label, N: labels[label]}
		if label >= 0 && label < int64(len(r.Classes)) {
			item.Name = r.Classes[label]
		}
		r.Labels = append(r.Labels, item)
	}
}

func (r *dataReport) writeText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "data\t%s (%s), %d samples\n", r.Name, r.Format, r.N)
	fmt.Fprintf(t, "shapes\t%s\n", counts(r.Shapes))
	fmt.Fprintf(t, "range\t%g to %g\n", r.Min, r.Max)
	for _, line := range r.History {
		fmt.Fprintf(t, "prepared\t%s\n", line)
	}
	fmt.Fprintf(t, "sha256\t%s\n", r.SHA256)
	for _, l := range r.Labels {
		fmt.Fprintf(t, "class %d\t%d\t%s\n", l.Label, l.N, l.Name)
	}
	return t.Flush()
}
