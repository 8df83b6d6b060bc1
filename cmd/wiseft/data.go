package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft/datasets"
)

func newDataCommand() *cli.Command {
	return newCommand(&cli.Command{
		Name:      "data",
		Usage:     "show what a data set holds",
		ArgsUsage: "DATA",
		Description: "Every sample is read and checked. Data is refused in which one cloud is there twice, and a\n" +
			"folder of corrupted data whose labels differ from the clean ones or that lacks a severity.\n\n" +
			"Examples:\n" +
			"  wiseft data modelnet40_ply_hdf5_2048 --split test\n" +
			"  wiseft data modelnet_c",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "split", Usage: "part of the data: train, test, …", EnvVars: []string{"WISEFT_SPLIT"}},
		}, dataFlags()...),
	}, runData)
}

type dataReport struct {
	Schema string `json:"schema"`
	datasets.Info
	N int `json:"n"`
	// Corrupted describes the whole folder, where that is one of corrupted data.
	Corrupted *datasets.Corrupted `json:"corrupted,omitempty"`
	SHA256    string              `json:"sha256"`
	Labels    []labelCount        `json:"labels"`
	Shapes    map[string]int      `json:"shapes"` // samples by shape
	Min       float32             `json:"min"`
	Max       float32             `json:"max"`
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
	if c.String("split") == "" {
		if r.Corrupted, _, err = datasets.CheckCorrupted(ctx, args[0]); err != nil {
			return nil, err
		}
	}
	if r.SHA256, err = data.Hash(ctx); err != nil {
		return nil, err
	}
	return r, c.describeSamples(ctx, r, data)
}

// describeSamples reads all samples into the report.
func (c *call) describeSamples(ctx context.Context, r *dataReport, data datasets.Dataset) error {
	bar := c.newProgress("reading", "samples")
	defer bar.end()
	labels := map[int64]int{}
	seen := map[[sha256.Size]byte]int{} // samples by the hash of their values
	var s datasets.Sample
	var b []byte
	for i := range data.Len() {
		if err := data.Read(ctx, &s, i); err != nil {
			return err
		}
		labels[s.Label]++
		r.Shapes[fmt.Sprint(s.Shape)]++
		b = b[:0]
		for _, v := range s.X {
			r.Min, r.Max = min(r.Min, v), max(r.Max, v)
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		sum := sha256.Sum256(b)
		if other, ok := seen[sum]; ok {
			return inputError{msg: fmt.Sprintf("%s: samples %d (label %d) and %d (label %d) have the same values",
				r.Name, other, data.Label(other), i, s.Label)}
		}
		seen[sum] = i
		bar.set(i+1, data.Len())
	}
	if r.N == 0 {
		r.Min, r.Max = 0, 0
	}
	r.countLabels(labels)
	return nil
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
	if k := r.Corrupted; k != nil {
		origin := "labels agree in all files"
		if k.SelfMade {
			origin += ", self-made"
		}
		fmt.Fprintf(t, "corrupted\t%d files, 5 severities of %s; %s\n", k.Files, strings.Join(k.Corruptions, ", "), origin)
	}
	fmt.Fprintf(t, "sha256\t%s\n", r.SHA256)
	for _, l := range r.Labels {
		fmt.Fprintf(t, "class %d\t%d\t%s\n", l.Label, l.N, l.Name)
	}
	return t.Flush()
}
