package wiseft

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/corrupt"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/bench"
	"github.com/wiseft/wiseft/probe/bench/choose"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/bench/unit"
	"github.com/wiseft/wiseft/probe/fit"
	"github.com/wiseft/wiseft/probe/metric"
	"github.com/wiseft/wiseft/probe/store"
)

// MeasureOptions says on what models are measured, and how. Train and Tests are required; with OwnHead, Tests alone.
type MeasureOptions struct {
	Train Data       // that probes are fitted on; its split train by default
	Val   Validation // that alpha is chosen on; the zero Validation chooses nothing
	// AllowShared measures although training, validation and test data share samples; the result names them.
	AllowShared bool
	Tests       []Data // that are scored, clean and corrupted; a folder of corrupted data is scored as it is stored
	// Corrupted are the samples of the first of Tests as they are stored corrupted, a split for each corruption and severity;
	// the zero value corrupts them here. Images are read as they are: Resize and Crop are not used.
	Corrupted Data
	// Transfers are other data on whose features protocols measure every model; nil measures none.
	Transfers []Transfer

	Suite       string   // corruption suite; "" is "modelnet-c", "none" is none
	Corruptions []string // of the suite; nil is all
	Severities  []int    // nil is 1 to 5
	Reference   string   // what corruption errors are relative to: a registered name or a JSON file; "" is the suite's own
	Baselines   []string // models through which the line of effective robustness goes; nil is alpha 0 and 1

	Tensor  string      // the features, or with OwnHead the class scores; "" is found
	OwnHead bool        // score the model's own head instead of a fitted probe
	Score   Scoring     // measured on the model's own outputs instead of accuracy; implies OwnHead
	Probe   fit.Options // Tol 0 is SweepTol
	// HeadLabels is a label map, as Data.Labels names one, of the own head's class scores, for data with other classes than
	// those of the model: scores without a label are left out, and of several with one label the highest counts.
	HeadLabels string
	WarmStart  bool          // fit every probe from that of the alpha before
	FromOwn    bool          // start the fits of Probe from the fine-tuned model's own head; for sweeps alone
	Heads      []Head        // further heads, fitted and scored on the first test set
	Choose     choose.Choice // the rule by which alpha is chosen; see [choose.Choice.WithDefaults]
	Layout     string        // of clouds: "bnc", "bcn", or "auto" and ""
	Pool       Pooling       // of features; "none" for Score alone
	Seed       uint64        // of corruptions and of the split of validation data
	HeldBytes  int64         // of samples, corrupted ones too, in memory between models; see [bench.Plan]. 0 is 1 GiB

	Runtime RuntimeOptions
	Run     RunOptions
	Monitor Monitor

	calibration []datasets.Dataset // that activations of the models are measured on; nil if they are not
	landscape   *landscape         // of a sweep; nil without one
}

// RunOptions says where a run is kept, and which part of it this process does.
type RunOptions struct {
	// Folder keeps the results and the units that they consist of: features, probes, scores. A run that was stopped
	// continues there. "" keeps nothing.
	Folder string
	// Replace lets the run take the place of another one in the folder; units that both need are used.
	Replace bool
	// ScoresOnly keeps probes and scores without features, which take 4 bytes a value.
	ScoresOnly bool
	// DryRun counts what the run would do, times a few passes, and writes nothing.
	DryRun bool
	// Command is the command line, for the journal of the folder; "" records none.
	Command string
	Share   unit.Share // the zero value is everything; cluster.ParseShare takes it from the environment of a job
}

// SweepTol is the relative gradient norm at which the fits of a sweep, a benchmark and a soup stop. It leaves the
// objective within 1e-8 of the optimum, relatively, which changes no prediction; the tolerance of a single fit is
// 1e-6 and takes half as long again.
const SweepTol = 1e-4

// Measured is the result of a sweep or a benchmark.
type Measured struct {
	// Outcome has the figures: Models, Chosen and the other fields of its embedded *result.Result. That is nil if units
	// are missing which other shares of the run compute; it cannot be nil without RunOptions.Share.
	*bench.Outcome
	Folder string `json:"folder,omitempty"` // of the run; "" if it is not kept
	// Estimate is that of a dry run, which has no Outcome; nil otherwise.
	Estimate *bench.Estimate `json:"-"`
}

// Estimate is what a run would take.
type Estimate = bench.Estimate

// paths returns the files and folders that the options name.
func (o MeasureOptions) paths() []string {
	all := append([]string{o.Reference}, o.Val.paths()...)
	for _, d := range append([]Data{o.Train, o.Corrupted}, o.Tests...) {
		all = append(all, d.paths()...)
	}
	for _, t := range o.Transfers {
		all = append(all, t.paths()...)
	}
	return all
}

// withScore returns the options with OwnHead set if there is a score, which is of the model's own outputs.
func (o MeasureOptions) withScore() (MeasureOptions, error) {
	if o.Score.isZero() {
		return o, nil
	}
	if len(o.Heads) > 0 || o.FromOwn {
		return o, fault.Usagef("--score measures the model's own outputs, and fits no heads")
	}
	o.OwnHead = true
	return o, nil
}

// plan returns the plan without variants, tensor, data and engine, which need files.
func (o MeasureOptions) plan(schema string) (*bench.Plan, error) {
	p, err := o.probing()
	if err != nil {
		return nil, err
	}
	p.Schema = schema
	p.Suite, p.Corruptions, p.Severities, p.Baselines = o.Suite, o.Corruptions, o.Severities, o.Baselines
	switch p.Suite {
	case "":
		p.Suite = defaultSuite
	case "none":
		p.Suite = ""
	}
	if _, err := corrupt.LookupSuite(p.Suite); err != nil && p.Suite != "" {
		return nil, fault.Usagef("there is no suite %s", p.Suite).WithHint("see wiseft list suites")
	}
	for _, name := range o.Corruptions {
		if suite, err := corrupt.LookupSuite(p.Suite); err == nil && slices.Contains(suite.Corruptions, name) {
			continue
		}
		if _, err := corrupt.Lookup(name); err != nil {
			return nil, fault.Usagef("there is no corruption %s", name).WithHint("see wiseft list corruptions")
		}
	}
	if p.Reference, err = readReference(o.Reference, p.Suite); err != nil {
		return nil, err
	}
	p.Choose, p.WarmStart = o.Choose, o.WarmStart
	if p.HeadLabels, err = o.headLabels(); err != nil {
		return nil, err
	}
	o.addProbes(p)
	if err := p.Choose.Check(); err != nil {
		return nil, err
	}
	p.KeepFeatures, p.Replace, p.Share = o.Run.Folder != "" && !o.Run.ScoresOnly, o.Run.Replace, o.Run.Share
	return p, o.Run.check()
}

// headLabels reads the label map of the own head's class scores; nil without one.
func (o MeasureOptions) headLabels() (map[int64]int64, error) {
	switch {
	case o.HeadLabels == "":
		return nil, nil
	case !o.OwnHead || !o.Score.isZero():
		return nil, fault.Usagef("--head-labels is for class scores of the model's own head").WithHint("name it with --head own")
	}
	m, err := datasets.LookupLabelMap(o.HeadLabels)
	return m.To, err
}

// defaultSuite is the corruption suite of sweeps and benchmarks.
const defaultSuite = "modelnet-c"

// probing returns a plan of how probes are fitted, without data.
func (o MeasureOptions) probing() (*bench.Plan, error) {
	layout, err := ParseLayout(o.Layout)
	if err != nil {
		return nil, err
	}
	if o.Score.isZero() {
		err = checkProbed(o.Pool)
	} else {
		err = o.Pool.Check()
	}
	if err != nil {
		return nil, err
	}
	scorer, err := o.Score.open()
	if err != nil {
		return nil, err
	}
	fit := o.Probe
	if fit.Tol == 0 {
		fit.Tol = SweepTol
	}
	return &bench.Plan{Score: scorer, OwnHead: o.OwnHead, Fit: fit, Seed: o.Seed, Batch: o.Runtime.BatchSize(), HeldBytes: o.HeldBytes,
		CheckBatch: !o.Runtime.TrustBatch, Version: Version, Layout: layout, Pool: o.Pool}, nil
}

func (o RunOptions) check() error {
	switch {
	case o.Share.Steal && o.Share.Count == 0:
		return fault.Usagef("--steal is for one of several shares").WithHint("name the share with --shard I/N")
	case o.Share.Count > 1 && o.Folder == "":
		return fault.Usagef("--shard needs a folder to work in").WithHint("name it with -o FOLDER")
	case o.Share.Count > 1 && o.ScoresOnly:
		return fault.Usagef("--shard needs the features kept: one share fits the probes for the others").
			WithHint("leave --keep scores out")
	}
	return nil
}

// readReference returns a reference by its registered name or from a JSON file; nil is the suite's own.
func readReference(name, suite string) (*metric.Reference, error) {
	if name == "" {
		return nil, nil
	}
	ref, err := metric.LookupReference(name)
	if err != nil {
		f, _, err := openFile(name)
		if fault.KindOf(err) == fault.Input {
			return nil, fault.Usagef("--reference %s is neither a known reference nor a file", name).
				WithHint("see wiseft list references")
		}
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if ref, err = metric.ReadReference(f); err != nil {
			return nil, fault.Inputf("%s: %w", name, err)
		}
	}
	if ref.Suite != suite {
		return nil, fault.Usagef("--reference %s is for the suite %s, not %s", name, ref.Suite, suite)
	}
	return &ref, nil
}

// measure runs a plan that has its variants and tensor.
// models are the paths of the files that the plan's variants are made from.
func (o MeasureOptions) measure(
	ctx context.Context, plan *bench.Plan, models []string, search bool,
) (_ *Measured, err error) {
	data := newDataOpener(o.Monitor)
	defer data.close()
	if err := data.openMeasured(ctx, o, plan); err != nil {
		return nil, err
	}
	if plan.Engine, err = LoadRuntime(ctx, o.Runtime, o.Monitor); err != nil {
		return nil, err
	}
	if o.Run.DryRun {
		if search {
			return nil, fault.Usagef("a search decides what it measures while it runs, so that --dry-run cannot count it").
				WithHint("leave out --search")
		}
		if err := o.landscape.add(ctx, plan, nil, o.Monitor); err != nil {
			return nil, err
		}
		e, err := bench.EstimateRun(ctx, *plan, store.Look(o.Run.Folder))
		return &Measured{Folder: o.Run.Folder, Estimate: e}, err
	}
	run, err := openRun(o.Run, slices.Concat(models, o.landscape.paths(), o.paths()))
	if err != nil {
		return nil, err
	}
	defer run.close()
	start := time.Now()
	if search {
		if err := o.search(ctx, plan, run.Folder); err != nil {
			return nil, err
		}
	}
	if err := o.landscape.add(ctx, plan, run.Folder, o.Monitor); err != nil {
		return nil, run.explain(err)
	}
	out, err := bench.Run(ctx, *plan, run.Folder, o.Monitor.bench("measuring", ""))
	if err != nil {
		return nil, run.explain(err)
	}
	for _, event := range out.Events {
		o.Monitor.note(event)
	}
	if o.Run.Command != "" {
		line := result.JournalCommand{Command: o.Run.Command, Version: Version, Start: start.UTC().Truncate(time.Second),
			Seconds: time.Since(start).Seconds()}
		if err := run.Record(line); err != nil {
			return nil, err
		}
	}
	if out.Result == nil {
		return &Measured{Outcome: out, Folder: run.path()}, nil
	}
	return &Measured{Outcome: out, Folder: run.path()}, run.write(out.Result)
}

// search reduces a plan to the variants that an adaptive search has found.
func (o MeasureOptions) search(ctx context.Context, plan *bench.Plan, folder *store.Folder) error {
	found, err := bench.Search(ctx, *plan, folder, o.Monitor.bench("searching", "search: "))
	if err != nil {
		return err
	}
	*plan = found
	o.Monitor.note("search: " + found.Found.Why)
	return nil
}

// bench returns a progress function for package bench. prefix is put in front of what is worked on.
func (m Monitor) bench(what, prefix string) func(bench.Progress) {
	return func(p bench.Progress) {
		text := what
		if p.What != "" {
			text = prefix + p.What
		}
		if p.TotalUnits > 0 {
			text += fmt.Sprintf(" (%d/%d)", p.Units, p.TotalUnits)
		}
		m.progress(Progress{text, "clouds", p.Samples, max(p.Samples, p.TotalSamples)})
	}
}
