package main

import (
	"bytes"
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
	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/shapes"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/graph"
	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/bench"
	"github.com/wiseft/wiseft/probe/report"
)

// The pair was trained by scripts/demo; demo/README.md says how.
var (
	//go:embed demo/pretrained.onnx
	demoPretrained []byte
	//go:embed demo/finetuned.onnx
	demoFinetuned []byte
)

// demoFolder is where the demo's files go. If it exists, a number is added.
const demoFolder = "wiseft-demo"

// demoSplits are the scans that the demo makes, by how many of each class.
var demoSplits = []struct {
	name     string
	perClass int
}{{"train", 80}, {"val", 40}, {"test", 25}}

func newDemoCommand() *cli.Command {
	flags := []cli.Flag{
		&cli.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: "`FOLDER` for the demo's files", DefaultText: "a new folder " + demoFolder},
		&cli.StringFlag{Name: "alphas", Value: "0:1:0.1", Usage: "shares of the fine-tuned model: FIRST:LAST:STEP or a list"},
		&cli.BoolFlag{Name: "force", Usage: "replace the files of an earlier demo in the folder"},
	}
	return newCommand(&cli.Command{
		Name:  "demo",
		Usage: "the whole chain on a pair of models and data that wiseft brings along",
		Description: "A small network was pre-trained on clean shapes and fine-tuned on scans of ten kinds of\n" +
			"furniture. The demo makes scans, merges the two over a grid of alpha, fits a probe for\n" +
			"each on clean training scans, and scores all of them on clean and corrupted test scans.\n\n" +
			"Example:\n  wiseft demo",
		Flags: append(append(flags, engineFlags()...), fitFlags()...),
	}, runDemo)
}

// demoReport is the demo's result: the sweep's, and what became of it.
type demoReport struct {
	Schema     string        `json:"schema"`
	Folder     string        `json:"folder"`
	Files      []string      `json:"files"`
	Difference float64       `json:"attached_difference"` // largest, between probe and attached model
	Seconds    float64       `json:"seconds"`
	PeakMemory int64         `json:"peak_memory_bytes"` // 0 if the system does not tell
	Result     *bench.Result `json:"result"`
}

// demo is one run of the demo.
type demo struct {
	*call
	engine                engine
	pretrained, finetuned *graph.Model
	data                  map[string]datasets.Dataset // by split
	fit                   probe.FitOptions
	variants              []bench.Variant
	result                *bench.Result
}

func runDemo(ctx context.Context, c *call) (result, error) {
	if _, err := c.args(); err != nil {
		return nil, err
	}
	start := time.Now()
	folder, err := c.demoFolder()
	if err != nil {
		return nil, err
	}
	d := &demo{call: c, data: map[string]datasets.Dataset{}}
	if err := d.prepare(ctx); err != nil {
		return nil, err
	}
	if err := d.sweep(ctx); err != nil {
		return nil, err
	}
	classifier, difference, err := d.attach(ctx)
	if err != nil {
		return nil, err
	}
	files, err := d.write(ctx, folder, classifier)
	if err != nil {
		return nil, err
	}
	return &demoReport{"wiseft.demo/1", folder, files, difference, time.Since(start).Seconds(), peakMemory(), d.result}, nil
}

// demoFolder returns the folder to write into: the one that was named, else a new
// one, so that the demo can be run again and again.
func (c *call) demoFolder() (string, error) {
	if dir := c.String("out"); dir != "" {
		return dir, checkFolder(dir, c.Bool("force"), demoFileNames())
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
	names := append(runFileNames(), "classifier.onnx", "pretrained.onnx", "finetuned.onnx")
	for _, split := range demoSplits {
		names = append(names, split.name+".npz")
	}
	return names
}

// prepare loads the runtime, the pair and the scans.
func (d *demo) prepare(ctx context.Context) (err error) {
	if d.fit, err = d.fitOptions(); err != nil {
		return err
	}
	if d.engine, err = d.newEngine(); err != nil {
		return err
	}
	d.say(d.engine.Runtime())
	if d.pretrained, err = graph.Open(bytes.NewReader(demoPretrained), int64(len(demoPretrained))); err != nil {
		return err
	}
	if d.finetuned, err = graph.Open(bytes.NewReader(demoFinetuned), int64(len(demoFinetuned))); err != nil {
		return err
	}
	for _, split := range demoSplits {
		scans, err := shapes.New(shapes.Options{Domain: shapes.Scan, Split: split.name, PerClass: split.perClass, Classes: shapes.Indoor()})
		if err != nil {
			return err
		}
		if d.data[split.name], err = datasets.InMemory(ctx, scans, nil); err != nil {
			return err
		}
	}
	d.say(fmt.Sprintf("made %d training, %d validation and %d test scans of %d classes",
		d.data["train"].Len(), d.data["val"].Len(), d.data["test"].Len(), len(shapes.Indoor())))
	return nil
}

func (d *demo) sweep(ctx context.Context) error {
	alphas, err := parseGrid(d.String("alphas"))
	if err != nil {
		return usageError{msg: "--alphas " + err.Error()}
	}
	plan := bench.Plan{Schema: "wiseft.sweep/1", Engine: d.engine, Tensor: demoFeatures, Train: d.data["train"], Val: d.data["val"],
		Tests: []bench.Test{{Name: "test", Data: d.data["test"]}},
		Suite: "modelnet-c", Fit: d.fit, Batch: d.batch(), Version: buildVersion()}
	opt := onnxmerge.Options{Origin: &onnxmerge.Origin{Version: buildVersion(), Files: []string{"pretrained.onnx", "finetuned.onnx"}}}
	points := product([][]bench.Param{nil}, "alpha", alphas)
	d.variants, _, err = d.mixes(points, nil, d.finetuned.SizeBytes(), func(params method.Params) (*onnxmerge.Plan, error) {
		opt.Params = params
		return onnxmerge.NewPlan(ctx, d.pretrained, d.finetuned, opt)
	})
	if err != nil {
		return err
	}
	plan.Variants = d.variants
	run, err := newTemporaryRun()
	if err != nil {
		return err
	}
	defer run.close()
	out, err := d.runBench(ctx, plan, run.Folder)
	if err != nil {
		return err
	}
	d.result = out.Result
	return nil
}

// attach fits the probe of the chosen merge again and puts it on top. It returns the
// classifier's file, and how far its scores are from the probe's over the test scans.
func (d *demo) attach(ctx context.Context) (model []byte, difference float64, err error) {
	chosen := slices.IndexFunc(d.variants, func(v bench.Variant) bool { return v.ID() == d.result.Chosen.ID })
	merged, err := d.variants[chosen].Model(ctx)
	if err != nil {
		return nil, 0, err
	}
	features, err := d.extract(ctx, merged, demoFeatures, "train", "test")
	if err != nil {
		return nil, 0, err
	}
	train, test := features[0], features[1]
	classifier, _, err := probe.Fit(ctx, train, d.fit)
	if err != nil {
		return nil, 0, err
	}
	m, err := graph.Open(bytes.NewReader(merged), int64(len(merged)))
	if err != nil {
		return nil, 0, err
	}
	var attached bytes.Buffer
	head := headOf(classifier, demoFeatures)
	if err := m.Attach(ctx, &attached, head); err != nil {
		return nil, 0, err
	}
	scored, err := d.extract(ctx, attached.Bytes(), head.Output, "test")
	if err != nil {
		return nil, 0, err
	}
	want := make([]float64, test.Len()*len(classifier.Classes))
	classifier.Scores(want, test.X, test.Len())
	for i, w := range want {
		difference = max(difference, math.Abs(w-float64(scored[0].X[i])))
	}
	return attached.Bytes(), difference, nil
}

// extract runs one model over some of the splits.
func (d *demo) extract(ctx context.Context, model []byte, tensor string, splits ...string) ([]*probe.Features, error) {
	session, err := d.engine.Open(ctx, model, tensor)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	var all []*probe.Features
	for _, split := range splits {
		f, err := probe.Extract(ctx, session, d.data[split], probe.ExtractOptions{Batch: d.batch()})
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

// write leaves everything that the user may want to go on with, and returns the
// paths.
func (d *demo) write(ctx context.Context, folder string, classifier []byte) (files []string, err error) {
	if err := writeRun(folder, d.result); err != nil {
		return nil, err
	}
	for name, data := range map[string][]byte{
		"classifier.onnx": classifier, "pretrained.onnx": demoPretrained, "finetuned.onnx": demoFinetuned,
	} {
		raw := func(w io.Writer) error { _, err := w.Write(data); return err }
		if _, _, err := writeOutput(filepath.Join(folder, name), raw); err != nil {
			return nil, err
		}
	}
	for split, data := range d.data {
		npz := func(w io.Writer) error { return datasets.WriteNPZ(ctx, w, data) }
		if _, _, err := writeOutput(filepath.Join(folder, split+".npz"), npz); err != nil {
			return nil, err
		}
	}
	for _, name := range demoFileNames() {
		files = append(files, filepath.Join(folder, name))
	}
	return files, nil
}

func (r *demoReport) writeText(w io.Writer) error {
	if err := report.Write(w, "table", r.Result); err != nil {
		return err
	}
	in := func(name string) string { return filepath.Join(r.Folder, name) }
	memory := ""
	if r.PeakMemory > 0 {
		memory = fmt.Sprintf(", peak memory %d MiB", r.PeakMemory>>20)
	}
	_, err := fmt.Fprintf(w, `
%.1f s%s. In %s:
  report.html                 verdict, plots and tables: open it in a browser
  table.txt, results.csv      the table above, and every figure on a line of its own
  result.json                 all figures with what produced them
  curve.svg, curve.png        clean accuracy against robustness over alpha
  classifier.onnx             the merge at alpha %g with its probe attached (scores agree to %.1g)
  pretrained.onnx, finetuned.onnx, train.npz, val.npz, test.npz

Try next:
  wiseft merge %s %s -o merged.onnx --alpha 0.3
  wiseft bench merged.onnx --train %s --test %s --corruption jitter
  wiseft sweep YOUR_PRETRAINED.onnx YOUR_FINETUNED.onnx --train DATA --test DATA --points 1024 -o run
`, r.Seconds, memory, r.Folder, *r.Result.Chosen.Alpha, r.Difference,
		in("pretrained.onnx"), in("finetuned.onnx"), in("train.npz"), in("test.npz"))
	return err
}

// demoFeatures is the output of the embedded models that the head consumes.
const demoFeatures = "features"
