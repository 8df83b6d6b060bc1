package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft/datasets/corrupt"
	"github.com/wiseft/wiseft/onnxmerge/graph"
	"github.com/wiseft/wiseft/probe/bench"
	"github.com/wiseft/wiseft/probe/metric"
	"github.com/wiseft/wiseft/probe/report"
	"github.com/wiseft/wiseft/probe/store"
)

// measureFlags are those that sweep and bench share.
func measureFlags() []cli.Flag {
	const category = "Measuring:"
	flags := append(choosingFlags("alpha"), []cli.Flag{
		&cli.StringSliceFlag{Name: "test", Usage: "`DATA` that is corrupted and scored (its test split); a folder of corrupted data is scored as it is; may be repeated", EnvVars: []string{"WISEFT_TEST"}, Category: category},
		&cli.StringFlag{Name: "suite", Value: "modelnet-c", Usage: "corruption suite, or none; see wiseft list suites", EnvVars: []string{"WISEFT_SUITE"}, Category: category},
		&cli.StringFlag{Name: "reference", Usage: "what corruption errors are measured against: a `NAME` of wiseft list references, or a JSON file", DefaultText: "the suite's own", EnvVars: []string{"WISEFT_REFERENCE"}, Category: category},
		&cli.StringSliceFlag{Name: "baseline", Usage: "`MODEL` through which the line of effective robustness goes; may be repeated", DefaultText: "alpha 0 and 1", Category: category},
		&cli.StringSliceFlag{Name: "corruption", Usage: "only the corruption `NAME`; may be repeated", Category: category},
		&cli.StringFlag{Name: "severity", Value: "1-5", Usage: "only these severities", EnvVars: []string{"WISEFT_SEVERITY"}, Category: category},
		&cli.StringFlag{Name: "head", Value: "probe", Usage: "`probe` fits one; own takes the model's output as class scores", EnvVars: []string{"WISEFT_HEAD"}, Category: category},
		&cli.StringFlag{Name: "choose", Value: "accuracy", Usage: "the `RULE` by which alpha is chosen on validation data: " + ruleNames(), EnvVars: []string{"WISEFT_CHOOSE"}, Category: category},
		&cli.Float64Flag{Name: "max-loss", Value: 1, Usage: "`POINTS` of clean accuracy that the rule robustness may give away", EnvVars: []string{"WISEFT_MAX_LOSS"}, Category: category},
		&cli.BoolFlag{Name: "warm-start", Usage: "fit every probe from that of the alpha before: a tenth less work, and shares wait for each other", EnvVars: []string{"WISEFT_WARM_START"}, Category: category},
		&cli.BoolFlag{Name: "choose-on-test", Usage: "let test data choose; every result says so", EnvVars: []string{"WISEFT_CHOOSE_ON_TEST"}, Category: category},
	}...)
	flags = append(flags, runFlags()...)
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

func ruleNames() (names string) {
	for i, r := range bench.Rules() {
		if i > 0 {
			names += ", "
		}
		names += r.Name
	}
	return names
}

// measured is the result of a sweep or benchmark.
type measured struct{ *bench.Outcome }

func (m measured) writeText(w io.Writer) error { return report.Write(w, "table", m.Result) }

// MarshalJSON writes the result, and what this run had to do for it.
func (m measured) MarshalJSON() ([]byte, error) { return json.Marshal(m.Outcome) }

// shared is what a worker has done of a run that others share.
type shared struct {
	Schema  string  `json:"schema"`
	Folder  string  `json:"folder"`
	Cached  int     `json:"n_cached"`
	Missing int     `json:"n_missing"`
	Seconds float64 `json:"seconds"`
}

func (s shared) writeText(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%s: this share is done in %.1f s; %s wait for other shares\nwiseft collect %s makes the result when all are done\n",
		s.Folder, s.Seconds, count(s.Missing, "unit"), s.Folder)
	return err
}

// measure completes a plan from the flags and runs it. The caller sets variants and
// tensor.
func (c *call) measure(ctx context.Context, schema string, plan bench.Plan) (result, error) {
	plan.Schema = schema
	if err := c.completePlan(&plan); err != nil {
		return nil, err
	}
	closeData, err := c.openMeasureData(ctx, &plan)
	if err != nil {
		return nil, err
	}
	defer closeData()
	if plan.Engine, err = c.newEngine(); err != nil {
		return nil, err
	}
	run, err := c.openRun(plan.Share)
	if err != nil {
		return nil, err
	}
	defer run.close()
	if c.Bool("search") {
		if plan, err = c.search(ctx, plan, run.Folder); err != nil {
			return nil, err
		}
	}
	out, err := c.runBench(ctx, plan, run.Folder)
	if err != nil {
		return nil, run.explain(err)
	}
	if out.Result == nil {
		return shared{"wiseft.share/1", run.Root(), out.NCached, out.Missing, out.Seconds}, nil
	}
	return measured{out}, run.write(out.Result)
}

// measuredTensor decides which tensor of a model is measured: its features, or with
// --head own its class scores.
func (c *call) measuredTensor(m *graph.Model, consumed string) (string, error) {
	if c.String("head") == "own" {
		return scoresOutput(m, c.String("output"))
	}
	tensor, err := featuresBehind(m, c.String("output"), consumed)
	if err == nil {
		c.sayFeatures(m, tensor)
	}
	return tensor, err
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
	plan.Corruptions, plan.Baselines = c.StringSlice("corruption"), c.StringSlice("baseline")
	if plan.Reference, err = c.reference(plan.Suite); err != nil {
		return err
	}
	if err := c.completeChoice(plan); err != nil {
		return err
	}
	if plan.KeepFeatures, err = c.keepFeatures(); err != nil {
		return err
	}
	plan.Replace, plan.WarmStart = c.Bool("force"), c.Bool("warm-start")
	plan.Share, err = c.share()
	return err
}

// reference reads --reference; nil is the suite's own.
func (c *call) reference(suite string) (*metric.Reference, error) {
	name := c.String("reference")
	if name == "" {
		return nil, nil
	}
	ref, ok := metric.LookupReferenceName(name)
	if !ok {
		f, _, err := openFile(name)
		if is[inputError](err) {
			return nil, usageError{msg: fmt.Sprintf("--reference %s is neither a known reference nor a file", name), hint: "see wiseft list references"}
		}
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if ref, err = metric.ReadReference(f); err != nil {
			return nil, inputError{msg: fmt.Sprintf("%s: %v", name, err)}
		}
	}
	if ref.Suite != suite {
		return nil, usageError{msg: fmt.Sprintf("--reference %s is for the suite %s, not %s", name, ref.Suite, suite)}
	}
	return &ref, nil
}

// completeChoice reads the flags of who judges, and of how a mix is chosen.
func (c *call) completeChoice(plan *bench.Plan) error {
	switch c.String("head") {
	case "own":
		plan.OwnHead = true
	case "probe":
	default:
		return usageError{msg: "--head " + c.String("head") + " is neither probe nor own"}
	}
	plan.Choose = bench.Choice{Rule: c.String("choose"), OnTest: c.Bool("choose-on-test")}
	if plan.Choose.Rule == "robustness" {
		plan.Choose.Points = c.Float64("max-loss") / 100
	}
	return plan.Choose.Check()
}

// sweepTol is the tolerance of the fits of a sweep, unless the user has another: it leaves the
// objective within 1e-8 of the optimum, relatively, which changes no prediction. That of a
// single probe is 1e-6, for half more time.
const sweepTol = 1e-4

// completeProbing reads the flags of how probes are fitted and validated.
func (c *call) completeProbing(plan *bench.Plan) (err error) {
	if plan.Fit, err = c.fitOptions(); err != nil {
		return err
	}
	if !c.IsSet("tol") {
		plan.Fit.Tol = sweepTol
	}
	plan.Seed, plan.Batch, plan.Version = c.Uint64("seed"), c.batch(), buildVersion()
	plan.Layout, err = c.layout()
	return err
}

// search leaves the mixes in a plan that a search has found, and says how.
func (c *call) search(ctx context.Context, plan bench.Plan, folder *store.Folder) (bench.Plan, error) {
	bar := c.newProgress("searching", "clouds")
	found, err := bench.Search(ctx, plan, folder, func(p bench.Progress) {
		bar.describe("search: " + p.What)
		bar.set(p.Samples, max(p.Samples, p.TotalSamples))
	})
	bar.end()
	if err == nil {
		c.say("search: " + found.Found.Why)
	}
	return found, err
}

// runBench runs a complete plan, showing progress.
func (c *call) runBench(ctx context.Context, plan bench.Plan, folder *store.Folder) (*bench.Outcome, error) {
	bar := c.newProgress("measuring", "clouds")
	defer bar.end()
	out, err := bench.Run(ctx, plan, folder, func(p bench.Progress) {
		bar.describe(fmt.Sprintf("%s (%d/%d)", p.What, p.Units, p.TotalUnits))
		bar.set(p.Samples, p.TotalSamples)
	})
	if err != nil {
		return nil, err
	}
	bar.end()
	for _, event := range out.Events {
		c.say(event)
	}
	return out, nil
}
