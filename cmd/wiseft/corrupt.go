package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/corrupt"
)

func newCorruptCommand() *cli.Command {
	flags := []cli.Flag{
		&cli.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: "`FOLDER` to make", EnvVars: []string{"WISEFT_OUT"}},
		&cli.StringFlag{Name: "split", Usage: "part of the data: train, test, …", EnvVars: []string{"WISEFT_SPLIT"}},
		&cli.StringFlag{Name: "suite", Value: "modelnet-c", Usage: "corruption suite; see wiseft list suites", EnvVars: []string{"WISEFT_SUITE"}},
		&cli.StringSliceFlag{Name: "corruption", Usage: "only the corruption `NAME`; may be repeated"},
		&cli.StringFlag{Name: "severity", Value: "1-5", Usage: "only these severities", EnvVars: []string{"WISEFT_SEVERITY"}},
		&cli.StringFlag{Name: "rng", Value: "wiseft", Usage: "wiseft (keyed by seed, corruption, severity and sample) or numpy (the reference's stream, bit for bit)", EnvVars: []string{"WISEFT_RNG"}},
		&cli.StringFlag{Name: "stream", Value: "global", Usage: "with --rng numpy: global (one seed for all, as the reference) or cell (seeded anew for each file)", EnvVars: []string{"WISEFT_STREAM"}},
		&cli.StringFlag{Name: "as", Usage: "hdf5, npy or npz", DefaultText: "as the suite is published", EnvVars: []string{"WISEFT_AS"}},
		&cli.BoolFlag{Name: "force", Usage: "replace a folder that this command made", EnvVars: []string{"WISEFT_FORCE"}},
	}
	shared := slices.DeleteFunc(dataFlags(), func(f cli.Flag) bool { return f.Names()[0] == "layout" })
	return newCommand(&cli.Command{
		Name:      "corrupt",
		Usage:     "write a data set under all corruptions of a suite",
		ArgsUsage: "DATA -o FOLDER",
		Description: "The files are laid out as the published ones, and labelled as made here: their figures are\n" +
			"not comparable with published ones.\n\n" +
			"Examples:\n" +
			"  wiseft corrupt modelnet40_ply_hdf5_2048 --split test --points 1024 -o modelnet_c\n" +
			"  wiseft corrupt modelnet40_ply_hdf5_2048 --split test --suite modelnet40-c --rng numpy -o modelnet40_c",
		Flags: append(flags, shared...),
	}, runCorrupt)
}

// corruptReport is what was written. It is also kept in the folder, as suiteFile.
type corruptReport struct {
	Schema  string        `json:"schema"`
	Output  string        `json:"output"`
	Suite   string        `json:"suite"`
	RNG     string        `json:"rng"`
	Stream  string        `json:"stream,omitempty"`
	Seed    uint64        `json:"seed"`
	Layout  string        `json:"layout"`
	N       int           `json:"n"`
	Made    bool          `json:"self_made"`
	Data    datasets.Info `json:"data"`
	SHA256  string        `json:"data_sha256"`
	Files   []corruptFile `json:"files"`
	LeftOut []string      `json:"left_out,omitempty"` // corruptions without a reference stream
	Notes   []string      `json:"notes,omitempty"`
	Wiseft  string        `json:"wiseft"`
	Seconds float64       `json:"seconds"`

	cleanPoints int // points of the clean clouds; 0 = all
}

type corruptFile struct {
	Name       string `json:"name"`
	Corruption string `json:"corruption"` // "" = clean
	Severity   int    `json:"severity"`
	Points     int    `json:"points"`
	Bytes      int64  `json:"bytes"`
	SHA256     string `json:"sha256"`
}

// corruptCell is one file to write. A hidden one is only drawn, so that the stream goes on
// as the reference's.
type corruptCell struct {
	corruption corrupt.Corruption // without name: clean
	severity   int
	hidden     bool
}

func runCorrupt(ctx context.Context, c *call) (_ result, err error) {
	args, err := c.args("DATA")
	if err != nil {
		return nil, err
	}
	r := &corruptReport{Schema: "wiseft.corrupt/1", Output: c.String("out"), Made: true, Wiseft: buildVersion()}
	cells, err := c.planCorrupt(r)
	if err != nil {
		return nil, err
	}
	if err := checkSuiteFolder(r.Output, c.Bool("force"), args[0]); err != nil {
		return nil, err
	}
	opened, data, err := c.openData(args[0], c.String("split"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	if r.SHA256, err = data.Hash(ctx); err != nil {
		return nil, err
	}
	r.Data, r.N = data.Info(), data.Len()
	c.say("these corruptions are self-made: figures on them are not comparable with published ones")
	start := time.Now()
	err = replaceFolder(r.Output, func(dir string) error {
		if err := c.writeCells(ctx, dir, r, cells, data); err != nil {
			return err
		}
		c.notePoints(r)
		r.Seconds = time.Since(start).Seconds()
		return writeSuiteNotes(dir, r)
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// notePoints says where clouds are not of the size that counts are published for.
func (c *call) notePoints(r *corruptReport) {
	const published = 1024
	for _, f := range r.Files {
		if f.Corruption == "" && f.Points > 0 && f.Points != published {
			r.Notes = append(r.Notes, fmt.Sprintf("counts of points are published for clouds of %d; these have %d, and counts scale with them", published, f.Points))
			c.say(r.Notes[len(r.Notes)-1])
		}
	}
}

// planCorrupt reads the flags into the report and lists the files to write.
func (c *call) planCorrupt(r *corruptReport) ([]corruptCell, error) {
	suite, ok := corrupt.LookupSuite(c.String("suite"))
	if !ok {
		return nil, usageError{msg: "there is no suite " + c.String("suite"), hint: "see wiseft list suites"}
	}
	r.Suite, r.RNG, r.Seed, r.Layout = suite.Name, c.String("rng"), c.Uint64("seed"), c.String("as")
	if r.Layout == "" {
		r.Layout = suite.Layout
	}
	if !slices.Contains(corrupt.Layouts(), r.Layout) {
		return nil, usageError{msg: fmt.Sprintf("--as %s is not one of %s", r.Layout, strings.Join(corrupt.Layouts(), ", "))}
	}
	severities, err := parseSeverities(c.String("severity"), suite.Severities)
	if err != nil {
		return nil, usageError{msg: err.Error()}
	}
	chosen := c.StringSlice("corruption")
	for _, name := range chosen {
		if !slices.Contains(suite.Corruptions, name) {
			return nil, usageError{msg: fmt.Sprintf("suite %s has no corruption %s", suite.Name, name), hint: "it has " + strings.Join(suite.Corruptions, ", ")}
		}
	}
	if k, _ := corrupt.Lookup(suite.Corruptions[0]); k.Cloud == nil {
		return nil, usageError{msg: fmt.Sprintf("suite %s is for images; only clouds are written to files", suite.Name), hint: "wiseft bench corrupts images on the way"}
	}
	order := suite.Corruptions
	switch {
	case r.RNG == "numpy":
		if err := c.planStream(r, suite); err != nil {
			return nil, err
		}
		order = suite.Stream
	case r.RNG != "wiseft":
		return nil, usageError{msg: "--rng " + r.RNG + " is not one of wiseft, numpy"}
	}
	wanted := func(name string) bool {
		return slices.Contains(suite.Corruptions, name) && (len(chosen) == 0 || slices.Contains(chosen, name))
	}
	cells := []corruptCell{{}}
	for _, name := range order {
		k, _ := corrupt.Lookup(name)
		for severity := 1; severity <= suite.Severities; severity++ {
			hidden := !wanted(name) || !slices.Contains(severities, severity)
			if !hidden || r.Stream == "global" {
				cells = append(cells, corruptCell{k, severity, hidden})
			}
		}
		if note := k.Note; note != "" && wanted(name) {
			r.Notes = append(r.Notes, name+": "+note)
		}
	}
	return cells, nil
}

// planStream completes the report for numpy's stream.
func (c *call) planStream(r *corruptReport, suite corrupt.Suite) error {
	if suite.Stream == nil {
		return usageError{msg: fmt.Sprintf("suite %s has no reference stream", suite.Name), hint: "use --rng wiseft"}
	}
	r.Stream = c.String("stream")
	if r.Stream != "global" && r.Stream != "cell" {
		return usageError{msg: "--stream " + r.Stream + " is not one of global, cell"}
	}
	if !c.IsSet("seed") {
		r.Seed = uint64(suite.Seed)
	}
	if r.Seed > math.MaxUint32 {
		return usageError{msg: fmt.Sprintf("--seed %d is beyond numpy's seeds, which end at %d", r.Seed, uint32(math.MaxUint32))}
	}
	for _, name := range suite.Corruptions {
		if !slices.Contains(suite.Stream, name) {
			r.LeftOut = append(r.LeftOut, name)
		}
	}
	if k, _ := corrupt.Lookup(suite.Stream[0]); k.Choose > 0 {
		r.cleanPoints = k.Choose
		r.Notes = append(r.Notes, fmt.Sprintf("the clean clouds are the first %d points: the reference draws them at the end of its stream", k.Choose))
	}
	if len(r.LeftOut) > 0 {
		c.say("left out, having no reference stream: " + strings.Join(r.LeftOut, ", "))
	}
	return nil
}

// writeCells writes all files into dir.
func (c *call) writeCells(ctx context.Context, dir string, r *corruptReport, cells []corruptCell, data datasets.Dataset) error {
	labels := corrupt.Labels{Labels: make([]int64, data.Len()), Classes: r.Data.Classes,
		Origin: fmt.Sprintf("self-made with wiseft %s: %s, rng %s, seed %d; not the published files", r.Wiseft, r.Suite, r.RNG, r.Seed)}
	for i := range labels.Labels {
		labels.Labels[i] = data.Label(i)
	}
	if r.Layout == "npy" {
		if err := c.writeSuiteFile(dir, "label.npy", r, corruptFile{}, func(w io.Writer) error { return corrupt.WriteLabels(w, labels.Labels) }); err != nil {
			return err
		}
	}
	stream := corrupt.NewStream(uint32(r.Seed))
	bar := c.newProgress("corrupting", "clouds")
	defer bar.end()
	for k, cell := range cells {
		if r.Stream == "cell" {
			stream = corrupt.NewStream(uint32(r.Seed))
		}
		bar.describe(strings.TrimSpace(fmt.Sprintf("corrupting: %s %d", cell.corruption.Name, cell.severity)))
		rows := counted(cellRows(ctx, r, cell, data, stream), func(i int) { bar.set(k*r.N+i, len(cells)*r.N) })
		if cell.hidden {
			for _, err := range rows {
				if err != nil {
					return err
				}
			}
			continue
		}
		f := corruptFile{Corruption: cell.corruption.Name, Severity: cell.severity}
		name := corrupt.FileName(r.Layout, f.Corruption, f.Severity)
		err := c.writeSuiteFile(dir, name, r, f, func(w io.Writer) (err error) {
			r.Files[len(r.Files)-1].Points, err = corrupt.WriteFile(w, r.Layout, rows, labels)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func cellRows(ctx context.Context, r *corruptReport, cell corruptCell, data datasets.Dataset, stream *corrupt.Stream) corrupt.Rows {
	switch {
	case cell.corruption.Name == "":
		if r.cleanPoints > 0 {
			return corrupt.CleanRows(ctx, firstPoints(data, r.cleanPoints))
		}
		return corrupt.CleanRows(ctx, data)
	case r.Stream != "":
		return stream.Rows(ctx, data, cell.corruption, cell.severity)
	}
	return corrupt.KeyedRows(ctx, data, cell.corruption, cell.severity, r.Seed)
}

// firstPoints keeps the first n points of every cloud.
func firstPoints(data datasets.Dataset, n int) datasets.Dataset {
	first, err := datasets.Apply(data, datasets.Preprocess{Points: n})
	if err != nil {
		panic("wiseft: a number of points is refused: " + err.Error())
	}
	return first
}

// counted calls tell with the number of rows so far.
func counted(rows corrupt.Rows, tell func(n int)) corrupt.Rows {
	return func(yield func(*corrupt.Cloud, error) bool) {
		n := 0
		for cloud, err := range rows {
			if n++; !yield(cloud, err) {
				return
			}
			tell(n)
		}
	}
}

// writeSuiteFile writes one file and adds it to the report.
func (c *call) writeSuiteFile(dir, name string, r *corruptReport, f corruptFile, write func(io.Writer) error) (err error) {
	f.Name = name
	r.Files = append(r.Files, f)
	entry := &r.Files[len(r.Files)-1]
	entry.SHA256, entry.Bytes, err = writeOutput(filepath.Join(dir, name), write)
	return err
}
