package main

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/shapes"
	"github.com/wiseft/wiseft/internal/output"
	"github.com/wiseft/wiseft/internal/text"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/method"
	benchresult "github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit"
)

// The pair was trained by scripts/demo; demo/README.md describes how.
var (
	//go:embed demo/pretrained.onnx
	demoPretrained []byte
	//go:embed demo/finetuned.onnx
	demoFinetuned []byte
	//go:embed demo/experiment.yaml
	demoExperiment []byte
)

// demoFolder is the folder of the demo's files without --out. If it exists, a number is added to the name.
const demoFolder = "wiseft-demo"

// demoFeatures is the output of the embedded models that the head consumes.
const demoFeatures = "features"

// demoSeed is the seed of the validation and test scans. scripts/demo/README.md has the list from which it is taken: a
// seed on which no version of the pair was scored before.
const demoSeed = 102

// demoSplit is a split of the data that the demo makes.
type demoSplit struct {
	name     string
	perClass int  // scans of each class; 0 = as --scans says
	seeded   bool // made with --seed; else with seed 0
}

// demoSplits are all splits. The training scans are those of the fine-tuning, whatever the seed.
var demoSplits = []demoSplit{{"train", 60, false}, {"val", 40, true}, {"test", 0, true}}

// demoHeldBytes bounds corrupted scans in memory: they are made again for each merge.
const demoHeldBytes = 1

// demoCommand has the options of demo.
type demoCommand struct {
	out, alphas string
	scans       int
	seed        uint64
	force       bool
	probeOptions
	runtimeOptions
}

func newDemoCommand() *cli.Command {
	var o demoCommand
	o.runtimeOptions.threads = "1"
	flags := section("",
		define(&o.out, "out", "`FOLDER` for the demo's files").alias("o").shown("a new folder "+demoFolder),
		define(&o.alphas, "alphas", "shares of the fine-tuned model: FIRST:LAST:STEP or a list").or("0:1:0.2"),
		define(&o.scans, "scans", "test scans of each class").or(100),
		define(&o.seed, "seed", "of the validation and test scans: another seed makes others").or(uint64(demoSeed)),
		define(&o.force, "force", "replace the files of an earlier demo in the folder"),
	)
	return newCommand(&cli.Command{
		Name:  "demo",
		Usage: "the whole chain on a pair of models and data that wiseft brings along",
		Description: "A small network was pre-trained on clean shapes under strong augmentation, and fine-tuned\n" +
			"on scans of ten kinds of furniture without any. The demo makes other scans, merges the two\n" +
			"networks over a grid of alpha, fits a probe for each on the clean training scans, chooses\n" +
			"alpha on validation scans, and scores all merges on clean and corrupted test scans.\n\n" +
			"Example:\n  wiseft demo",
		Flags: slices.Concat(flags, o.runtimeOptions.flags(), o.probeOptions.flags(fit.DefaultTol)),
	}, exactly(), o.run)
}

func (o *demoCommand) run(ctx context.Context, c *call) (result, error) {
	start := time.Now()
	d := &demo{monitor: c.monitor(), scans: o.scans, seed: o.seed, data: map[string]wiseft.Data{}}
	if o.scans < 1 || o.scans > shapes.MaxPerClass {
		return nil, usagef("--scans %d is not between 1 and %d", o.scans, shapes.MaxPerClass)
	}
	var err error
	if d.alphas, err = parseGrid(o.alphas); err != nil {
		return nil, usagef("--alphas %w", err)
	}
	if d.probe, err = o.probeOptions.options(); err != nil {
		return nil, err
	}
	if d.runtime, err = o.runtimeOptions.options(c); err != nil {
		return nil, err
	}
	d.runtime.Threads = cmp.Or(d.runtime.Threads, 1) // so small a network takes as long on two, and twice the processor time
	folder, err := o.folder()
	if err != nil {
		return nil, err
	}
	if d.work, err = os.MkdirTemp("", "wiseft-demo-"); err != nil {
		return nil, err
	}
	defer os.RemoveAll(d.work)
	if err := d.prepare(ctx); err != nil {
		return nil, err
	}
	if err := d.sweep(ctx); err != nil {
		return nil, err
	}
	difference, err := d.attach(ctx)
	if err != nil {
		return nil, err
	}
	files, err := d.write(ctx, folder)
	if err != nil {
		return nil, err
	}
	return &demoReport{Schema: "wiseft.demo/1", Folder: folder, Files: files, Difference: difference,
		Seconds: time.Since(start).Seconds(), PeakMemory: peakMemory(), Result: d.result}, nil
}

// folder returns the folder to write into: the one of --out, else a new one.
func (o *demoCommand) folder() (string, error) {
	if o.out != "" {
		return o.out, output.CheckFiles(o.out, output.Options{Force: o.force}, demoFileNames())
	}
	for n := 1; ; n++ {
		dir := demoFolder
		if n > 1 {
			dir = fmt.Sprintf("%s-%d", demoFolder, n)
		}
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return dir, nil
		}
	}
}

// demoFileNames lists what the demo writes.
func demoFileNames() []string {
	names := append(wiseft.RunFiles(), "classifier.onnx", "pretrained.onnx", "finetuned.onnx", "experiment.yaml")
	for _, split := range demoSplits {
		names = append(names, split.name+".npz")
	}
	return names
}

// demo is one run of the demo.
type demo struct {
	monitor wiseft.Monitor
	work    string // folder for models, removed at the end
	alphas  []float64
	scans   int    // test scans of each class
	seed    uint64 // of validation and test scans
	probe   fit.Options
	runtime wiseft.RuntimeOptions
	data    map[string]wiseft.Data // by split
	result  *benchresult.Result
}

// file returns the path of a model in the working folder.
func (d *demo) file(name string) string { return filepath.Join(d.work, name) }

// prepare loads the runtime, writes the models, and makes the scans.
func (d *demo) prepare(ctx context.Context) error {
	r, err := wiseft.LoadRuntime(ctx, d.runtime, d.monitor)
	if err != nil {
		return err
	}
	note(d.monitor, r.Runtime())
	for name, model := range map[string][]byte{"pretrained.onnx": demoPretrained, "finetuned.onnx": demoFinetuned} {
		if err := os.WriteFile(d.file(name), model, 0o666); err != nil {
			return err
		}
	}
	for _, split := range demoSplits {
		if d.data[split.name], err = d.makeScans(ctx, split); err != nil {
			return err
		}
	}
	const what = "made %d training, %d validation and %d test scans of %d classes; merging the pre-trained and the " +
		"fine-tuned network at %s of alpha, and scoring each mix on the test scans, clean and corrupted"
	note(d.monitor, fmt.Sprintf(what, d.data["train"].Set.Len(), d.data["val"].Set.Len(), d.data["test"].Set.Len(),
		len(shapes.Indoor()), text.Count(len(d.alphas), "value")))
	return nil
}

// makeScans makes the scans of a split.
func (d *demo) makeScans(ctx context.Context, split demoSplit) (wiseft.Data, error) {
	opt := shapes.Options{Domain: shapes.Scan, Split: split.name, PerClass: cmp.Or(split.perClass, d.scans),
		Classes: shapes.Indoor()}
	if split.seeded {
		opt.Seed = d.seed
	}
	scans, err := shapes.New(opt)
	if err != nil {
		return wiseft.Data{}, err
	}
	set, err := datasets.InMemory(ctx, scans, nil)
	if err != nil {
		return wiseft.Data{}, err
	}
	return wiseft.Data{Path: split.name, Set: set}, nil
}

// note passes a line to a monitor, unless it takes none.
func note(m wiseft.Monitor, line string) {
	if m.Note != nil {
		m.Note(line)
	}
}

// sweep measures the merges.
func (d *demo) sweep(ctx context.Context) error {
	m, err := wiseft.Sweep(ctx, d.pair(), wiseft.SweepOptions{Alphas: d.alphas, Merge: wiseft.MergeOptions{
		Repair: d.repair(d.data["train"])}, MeasureOptions: wiseft.MeasureOptions{
		Train: d.data["train"], Val: wiseft.Validation{Sets: []wiseft.NamedData{{Name: "val", Data: d.data["val"]}}},
		Tests: []wiseft.Data{d.data["test"]}, HeldBytes: demoHeldBytes,
		Tensor: demoFeatures, Probe: d.probe, Runtime: d.runtime, Monitor: d.monitor}})
	if err != nil {
		return err
	}
	d.result = m.Result
	return nil
}

// repair returns how mixes are repaired: on training scans.
func (d *demo) repair(train wiseft.Data) *wiseft.RepairOptions {
	return &wiseft.RepairOptions{Data: train, Runtime: wiseft.RuntimeOptions{Library: d.runtime.Library}}
}

// chosen returns the options of the chosen merge, whose repair, if it has one, is on training scans.
func (d *demo) chosen(train wiseft.Data) wiseft.MergeOptions {
	opt := wiseft.MergeOptions{Params: method.Params{"alpha": *d.result.Chosen.Alpha}, Statistics: onnxmerge.Deviations}
	if d.result.Chosen.Repaired {
		opt.Repair = d.repair(train)
	}
	return opt
}

// pair returns the paths of the pre-trained and the fine-tuned model.
func (d *demo) pair() []string { return []string{d.file("pretrained.onnx"), d.file("finetuned.onnx")} }

// attach merges at the chosen alpha, fits the probe again and makes it the head. It returns the largest absolute
// difference between the scores of the model with the head and those of the probe, over the test scans.
func (d *demo) attach(ctx context.Context) (difference float64, err error) {
	merged, probe, classifier := d.file("merged.onnx"), d.file("probe.npz"), d.file("classifier.onnx")
	if _, err := wiseft.Merge(ctx, merged, d.pair(), d.chosen(d.data["train"]), wiseft.WriteOptions{}); err != nil {
		return 0, err
	}
	train, err := d.extract(ctx, merged, demoFeatures, "train")
	if err != nil {
		return 0, err
	}
	test, err := d.extract(ctx, merged, demoFeatures, "test")
	if err != nil {
		return 0, err
	}
	cl, _, err := fit.Fit(ctx, train, d.probe)
	if err != nil {
		return 0, err
	}
	if _, err := output.WriteFile(probe, output.Options{}, cl.Write); err != nil {
		return 0, err
	}
	attached, err := wiseft.Attach(ctx, classifier, merged, probe, wiseft.AttachOptions{Tensor: demoFeatures})
	if err != nil {
		return 0, err
	}
	scored, err := d.extract(ctx, classifier, attached.Scores, "test")
	if err != nil {
		return 0, err
	}
	want := make([]float64, test.Len()*len(cl.Classes))
	cl.Scores(want, test.X, test.Len())
	for i, w := range want {
		difference = max(difference, math.Abs(w-float64(scored.X[i])))
	}
	return difference, nil
}

// extract runs a model over a split.
func (d *demo) extract(ctx context.Context, model, tensor, split string) (*feature.Set, error) {
	opt := wiseft.FeaturesOptions{Data: d.data[split], Tensor: tensor, Runtime: d.runtime}
	return wiseft.ExtractFeatures(ctx, model, opt)
}

// write writes the files of the run, the models and the data into folder, and returns their paths.
func (d *demo) write(ctx context.Context, folder string) (files []string, err error) {
	in := func(name string) string { return filepath.Join(folder, name) }
	d.result.Chosen.Command = d.chosen(wiseft.Data{Path: in("train.npz")}).Command(
		[]string{in("pretrained.onnx"), in("finetuned.onnx")}, "chosen.onnx")
	if err := wiseft.WriteRun(folder, d.result); err != nil {
		return nil, err
	}
	replacing := output.Options{Force: true} // they were checked before
	for _, name := range []string{"classifier.onnx", "pretrained.onnx", "finetuned.onnx"} {
		model, err := os.ReadFile(d.file(name))
		if err != nil {
			return nil, err
		}
		raw := func(w io.Writer) error { _, err := io.Copy(w, bytes.NewReader(model)); return err }
		if _, err := output.WriteFile(filepath.Join(folder, name), replacing, raw); err != nil {
			return nil, err
		}
	}
	document := func(w io.Writer) error { _, err := w.Write(demoExperiment); return err }
	if _, err := output.WriteFile(in("experiment.yaml"), replacing, document); err != nil {
		return nil, err
	}
	for _, split := range demoSplits {
		npz := func(w io.Writer) error { return datasets.WriteNPZ(ctx, w, d.data[split.name].Set) }
		if _, err := output.WriteFile(filepath.Join(folder, split.name+".npz"), replacing, npz); err != nil {
			return nil, err
		}
	}
	for _, name := range demoFileNames() {
		files = append(files, filepath.Join(folder, name))
	}
	return files, nil
}
