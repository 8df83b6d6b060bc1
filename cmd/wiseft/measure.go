package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/corrupt"
	"github.com/wiseft/wiseft/probe/bench"
	"github.com/wiseft/wiseft/probe/report"
)

// measureFlags are those that sweep and bench share.
func measureFlags() []cli.Flag {
	const category = "Measuring:"
	flags := append(choosingFlags("alpha"), []cli.Flag{
		&cli.StringFlag{Name: "test", Usage: "`DATA` that is corrupted and scored (its test split)", EnvVars: []string{"WISEFT_TEST"}, Category: category},
		&cli.StringFlag{Name: "suite", Value: "modelnet-c", Usage: "corruption suite, or none; see wiseft list suites", EnvVars: []string{"WISEFT_SUITE"}, Category: category},
		&cli.StringSliceFlag{Name: "corruption", Usage: "only the corruption `NAME`; may be repeated", Category: category},
		&cli.StringFlag{Name: "severity", Value: "1-5", Usage: "only these severities", EnvVars: []string{"WISEFT_SEVERITY"}, Category: category},
		&cli.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: "`FOLDER` for the result, the table and the curve", EnvVars: []string{"WISEFT_OUT"}, Category: category},
		&cli.BoolFlag{Name: "force", Usage: "replace an existing result", EnvVars: []string{"WISEFT_FORCE"}, Category: category},
	}...)
	flags = append(flags, fitFlags()...)
	flags = append(flags, engineFlags()...)
	return append(flags, dataFlags()...)
}

// choosingFlags name the data by which something is chosen.
func choosingFlags(what string) []cli.Flag {
	const category = "Measuring:"
	return []cli.Flag{
		&cli.StringFlag{Name: "train", Usage: "`DATA` that probes are fitted on (its train split)", EnvVars: []string{"WISEFT_TRAIN"}, Category: category},
		&cli.StringFlag{Name: "val", Usage: "`DATA` that chooses " + what, DefaultText: "a fifth of the training data", EnvVars: []string{"WISEFT_VAL"}, Category: category},
	}
}

// runFiles are what a measurement leaves in its folder: file name and report format.
var runFiles = []struct{ name, format string }{
	{"result.json", "json"}, {"table.txt", "table"}, {"curve.svg", "svg"}, {"curve.png", "png"},
}

func runFileNames() []string {
	var names []string
	for _, f := range runFiles {
		names = append(names, f.name)
	}
	return names
}

// measured is the result of a sweep or benchmark.
type measured struct{ *bench.Result }

func (m measured) writeText(w io.Writer) error { return report.Write(w, "table", m.Result) }

// measure completes a plan from the flags and runs it. The caller sets variants and
// tensor.
func (c *call) measure(ctx context.Context, schema string, plan bench.Plan) (result, error) {
	dir := c.String("out")
	if dir != "" {
		if err := checkFolder(dir, c.Bool("force"), runFileNames()); err != nil {
			return nil, err
		}
	}
	if err := c.completePlan(&plan); err != nil {
		return nil, err
	}
	if err := c.readMeasureData(ctx, &plan, "train", "val", "test"); err != nil {
		return nil, err
	}
	engine, err := c.newEngine()
	if err != nil {
		return nil, err
	}
	plan.Engine = engine
	r, err := c.runBench(ctx, plan)
	if err != nil {
		return nil, err
	}
	r.Schema = schema
	if dir != "" {
		if err := writeRun(dir, r); err != nil {
			return nil, err
		}
	}
	return measured{r}, nil
}

// runBench runs a complete plan, showing progress.
func (c *call) runBench(ctx context.Context, plan bench.Plan) (*bench.Result, error) {
	bar := c.newProgress("measuring", "clouds")
	defer bar.end()
	return bench.Run(ctx, plan, func(p bench.Progress) {
		bar.describe(fmt.Sprintf("%s (%d/%d)", p.What, p.Units, p.TotalUnits))
		bar.set(p.Samples, p.TotalSamples)
	})
}

// completePlan reads the flags that need no file.
func (c *call) completePlan(plan *bench.Plan) (err error) {
	if err := c.completeProbing(plan); err != nil {
		return err
	}
	if plan.Severities, err = parseSeverities(c.String("severity"), corrupt.Severities); err != nil {
		return usageError{msg: err.Error()}
	}
	if plan.Suite = c.String("suite"); plan.Suite == "none" {
		plan.Suite = ""
	} else if _, ok := corrupt.LookupSuite(plan.Suite); !ok {
		return usageError{msg: "there is no suite " + plan.Suite, hint: "see wiseft list suites"}
	}
	for _, name := range c.StringSlice("corruption") {
		if _, ok := corrupt.Lookup(name); !ok {
			return usageError{msg: "there is no corruption " + name, hint: "see wiseft list corruptions"}
		}
	}
	plan.Corruptions = c.StringSlice("corruption")
	return nil
}

// completeProbing reads the flags of how probes are fitted and validated.
func (c *call) completeProbing(plan *bench.Plan) (err error) {
	if plan.Fit, err = c.fitOptions(); err != nil {
		return err
	}
	plan.Seed, plan.Batch, plan.Version = c.Uint64("seed"), c.Int("batch"), buildVersion()
	plan.Layout, err = c.layout()
	return err
}

// readMeasureData reads the data sets of a plan that flags name into memory: every model
// passes over them.
func (c *call) readMeasureData(ctx context.Context, plan *bench.Plan, flags ...string) error {
	into := map[string]*datasets.Dataset{"train": &plan.Train, "val": &plan.Val, "test": &plan.Test}
	hashes := map[string]string{}
	for _, flag := range flags {
		path := c.String(flag)
		if path == "" && flag == "val" {
			continue
		}
		if path == "" {
			return usageError{msg: "no " + flag + " data is named", hint: "name it with --" + flag}
		}
		data, err := c.readData(ctx, path, flag)
		if err != nil {
			return err
		}
		hash, err := data.Hash(ctx)
		if err != nil {
			return err
		}
		if other, ok := hashes[hash]; ok {
			return mismatchError{fmt.Sprintf("--%s and --%s are the same samples", other, flag)}
		}
		hashes[hash] = flag
		*into[flag] = data
	}
	return nil
}

// readData reads a prepared data set into memory.
func (c *call) readData(ctx context.Context, path, split string) (datasets.Dataset, error) {
	opened, prepared, err := c.openData(path, split)
	if err != nil {
		return nil, err
	}
	bar := c.newProgress("reading "+path, "clouds")
	defer bar.end()
	held, err := datasets.InMemory(ctx, prepared, bar.set)
	return held, errors.Join(err, opened.Close())
}

// checkFolder refuses a folder that holds one of the named files already, unless
// force is set.
func checkFolder(dir string, force bool, names []string) error {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return usageError{msg: dir + ": the output is not a folder"}
	}
	for _, name := range names {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil && !force {
			return usageError{msg: path + ": the output exists", hint: "replace it with --force"}
		}
	}
	return nil
}

// writeRun writes the files of a result. A benchmark without a whole suite has no
// curve.
func writeRun(dir string, r *bench.Result) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for _, f := range runFiles {
		if isCurve := f.format == "svg" || f.format == "png"; isCurve && !hasCurve(r) {
			continue
		}
		_, _, err := writeOutput(filepath.Join(dir, f.name), func(w io.Writer) error { return report.Write(w, f.format, r) })
		if err != nil {
			return err
		}
	}
	return nil
}

func hasCurve(r *bench.Result) bool {
	for _, m := range r.Models {
		if m.MOA.Known() {
			return true
		}
	}
	return false
}
