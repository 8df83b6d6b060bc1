package wiseft

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/output"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/probe/bench"
	"github.com/wiseft/wiseft/probe/bench/choose"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/fit"
	"github.com/wiseft/wiseft/probe/store"
)

// SoupOptions says how a soup is chosen and written. Train and Val are required, unless Uniform is set.
type SoupOptions struct {
	// Uniform averages all models, without choosing; everything that is not averaged is copied from the first one.
	Uniform bool
	// Strict takes a model only if validation accuracy rises, as the paper's published code does. Without it a model is
	// taken if accuracy does not fall, as in the paper's recipe 1.
	Strict bool
	// NoProof leaves out the proofs of the pairing by running, before models are scored and before the soup is written;
	// see [MergePlan.Prove].
	NoProof bool
	// AllowShared scores models although data sets share samples; warnings of the result name them.
	AllowShared bool
	// DryRun counts the passes of a greedy soup, times a few, and writes nothing; it is not for Uniform, which has none.
	DryRun bool
	Merge  MergeOptions // what selects weights, BaseWeights, Statistics, AllowNonfinite, Align, Repair, MemoryBytes and Workers are used
	Write  WriteOptions

	Train   Data       // that probes are fitted on; its split train by default
	Val     Validation // that models are scored on; FromTest must be 0
	Tensor  string     // the features of every model; "" is found
	Score   Scoring    // by which models are chosen instead of the accuracy of a probe; Train must then be zero
	Probe   fit.Options
	Layout  string // of clouds: "bnc", "bcn", or "auto" and ""
	Pool    Pooling
	Seed    uint64 // of the validation split
	Runtime RuntimeOptions
	Monitor Monitor
}

// SoupResult describes a soup. Candidates are in the order in which they were tried.
type SoupResult struct {
	Output     string               `json:"output"`
	Data       []onnxmerge.DataFile `json:"data,omitempty"` // files beside the output
	Rule       string               `json:"rule"`
	Candidates []choose.SoupStep    `json:"candidates"`
	Chosen     []string             `json:"chosen"`              // the best one first
	Accuracy   result.Number        `json:"validation_accuracy"` // unknown with SoupOptions.Uniform
	// ValidationScore takes the place of Accuracy with SoupOptions.Score; the figures of Candidates are then scores, too.
	ValidationScore *result.Number      `json:"validation_score,omitempty"`
	N               int                 `json:"n"` // validation samples
	Tensors         TensorCounts        `json:"tensors"`
	Bytes           int64               `json:"bytes"`
	SHA256          string              `json:"sha256"`
	Seconds         float64             `json:"seconds"`
	Warnings        []string            `json:"warnings"`
	Settings        *result.Settings    `json:"settings"`         // nil with SoupOptions.Uniform
	Proof           *Proof              `json:"proof,omitempty"`  // of the pairs, unless SoupOptions.NoProof is set
	Proofs          []Proof             `json:"proofs,omitempty"` // of more than two models
	Aligned         []onnxmerge.Aligned `json:"align,omitempty"`  // models in the order of the best one, with MergeOptions.Align
	Repair          *onnxmerge.Repair   `json:"repair,omitempty"` // of the average, with MergeOptions.Repair
	// Command is the command line that writes the average without provenance; "" if there is none.
	Command string `json:"command,omitempty"`
	// Estimate is that of a dry run, which has nothing else; nil otherwise.
	Estimate *Estimate `json:"-"`
}

// Soup averages those of several fine-tuned models that make the average better on validation data (a greedy soup;
// Wortsman et al., Model soups, ICML 2022, recipe 1), and writes the average.
//
// Every score is the validation accuracy of a probe fitted on the features of the training data from a start of
// zeros, so that it depends on the model alone. The best model is always taken; everything that is not averaged
// is copied from it. A best model that stays alone is merged with itself at alpha 1, which copies its bytes.
func Soup(ctx context.Context, out string, paths []string, opt SoupOptions) (_ *SoupResult, err error) {
	if err := checkSoup(out, paths, opt); err != nil {
		return nil, err
	}
	measure := MeasureOptions{AllowShared: opt.AllowShared, Monitor: opt.Monitor, Train: opt.Train, Val: opt.Val, Probe: opt.Probe, Layout: opt.Layout, Pool: opt.Pool, Seed: opt.Seed, Runtime: opt.Runtime, Score: opt.Score}
	if measure, err = measure.withScore(); err != nil {
		return nil, err
	}
	plan, err := measure.probing()
	if err != nil {
		return nil, err
	}
	s := &soup{opt: opt, started: time.Now()}
	if s.models, err = openMixed(ctx, paths, MergeOptions{BaseWeights: opt.Merge.BaseWeights, Monitor: opt.Monitor}); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.models.Close()) }()
	if err := opt.Train.checkInputs(s.models[0]); err != nil {
		return nil, err
	}
	measure.forModel(s.models[0].Model, named(opt.Tensor)...)
	s.opt.Train, s.opt.Val = measure.Train, measure.Val
	if err := s.check(ctx); err != nil {
		return nil, err
	}
	if len(s.tensors) > 0 {
		measure.forModel(s.models[0].Model, s.tensors[0])
		s.opt.Train, s.opt.Val = measure.Train, measure.Val
	}
	if opt.Uniform {
		return s.average(ctx, out, s.all(), &SoupResult{Rule: "all models, unweighted (uniform soup)",
			Candidates: []choose.SoupStep{}, Chosen: paths, Accuracy: result.Unknown(), Warnings: []string{}}, nil)
	}
	data := newDataOpener(opt.Monitor)
	defer data.close()
	if err := data.openChoosing(ctx, measure, plan); err != nil {
		return nil, err
	}
	if measure.calibration, err = opt.Merge.calibrationSets(ctx, s.models[0].Model); err != nil {
		return nil, err
	}
	if err := measure.checkRoles(ctx, plan); err != nil {
		return nil, err
	}
	s.notes = slices.Concat(plan.Shared, plan.Doubts)
	if plan.Engine, err = LoadRuntime(ctx, opt.Runtime, opt.Monitor); err != nil {
		return nil, err
	}
	if opt.DryRun {
		e, err := s.estimate(ctx, *plan)
		return &SoupResult{Estimate: e}, err
	}
	if opt.Merge.Align == nil { // else models have one order when the best is known
		if _, err := s.prove(ctx, s.all()); err != nil {
			return nil, err
		}
	}
	if err := s.choose(ctx, *plan); err != nil {
		return nil, err
	}
	return s.write(ctx, out)
}

// estimate says what a greedy soup takes at most: every model, and an average for every model but the best.
func (s *soup) estimate(ctx context.Context, plan bench.Plan) (*Estimate, error) {
	for _, m := range s.models {
		plan.Variants = append(plan.Variants, storedVariant{m.path, m.onnxFile(), s.opt.Runtime.maxModel()})
	}
	for _, v := range plan.Vals {
		plan.Tests = append(plan.Tests, bench.Test{Name: v.Name, Data: v.Data})
	}
	plan.Vals, plan.Tensor = nil, s.tensors[0]
	e, err := bench.EstimateRun(ctx, plan, store.Look(""))
	if err != nil {
		return nil, err
	}
	n := len(s.models)
	at := func(alone int) int { return alone / n * (2*n - 1) }
	e.Models, e.Units, e.Passes, e.Fits = at(e.Models), at(e.Units), at(e.Passes), at(e.Fits)
	e.Seconds *= float64(2*n-1) / float64(n)
	e.FitSeconds *= float64(2*n-1) / float64(n)
	return e, nil
}

// checkSoup refuses models that are named twice, which would count twice, a choice without unseen data, and outputs
// that may not be written.
func checkSoup(out string, paths []string, opt SoupOptions) error {
	switch data := !opt.Train.isZero() || !opt.Val.isZero(); {
	case len(paths) < 2:
		return fault.Usagef("a soup takes two models or more, and %d are named", len(paths))
	case opt.Uniform && opt.DryRun:
		return fault.Usagef("--uniform passes no data, so that --dry-run has nothing to count")
	case !opt.Score.isZero() && !opt.Train.isZero():
		return fault.Usagef("--score fits no probe, so it has no use for --train")
	case opt.Uniform && !opt.Score.isZero():
		return fault.Usagef("--uniform averages all models, and scores none")
	case opt.Uniform && data:
		return fault.Usagef("--uniform averages all models, and has no use for data")
	case opt.Val.FromTest > 0:
		return fault.Usagef("a soup has no test data to take validation data from")
	case !opt.Uniform && opt.Val.isZero():
		return fault.Usagef("a greedy soup needs validation data that the models have not seen").WithHint(
			"name it with --val, or, if fine-tuning did not use all training data, take it from that with " +
				"--val-from-train 0.2; or average all models with --uniform")
	}
	for i, path := range paths {
		a, err := os.Stat(path)
		if err != nil {
			continue // opening it reports the error
		}
		for _, other := range paths[:i] {
			if b, err := os.Stat(other); err == nil && os.SameFile(a, b) {
				return fault.Usagef("%s and %s are the same file", other, path).WithHint("name every model once")
			}
		}
	}
	return output.Check(out, opt.Write.replacing(slices.Concat(opt.Merge.inputs(paths), opt.Train.paths(), opt.Val.paths())))
}

// soup is the choice of a soup: the candidates, and what was found out about them.
type soup struct {
	opt     SoupOptions
	models  models
	tensors []string // the features of each model
	started time.Time

	validator *bench.Validator
	steps     []choose.SoupStep
	n         int // validation samples
	probe     fit.Options
	aligned   map[*Model]onnxmerge.Aligned // nil before the best model is known
	notes     []string                     // what should be known about the scores
}

// check finds every model's features, and plans the average of all, before anything is scored. With an alignment the plan
// waits for the best model, to whose order the others are brought.
func (s *soup) check(ctx context.Context) error {
	for _, m := range s.models {
		if s.opt.Uniform {
			continue // features are not used
		}
		tensor, err := s.tensor(ctx, m)
		if err != nil {
			return err
		}
		if err := m.checkBatch(tensor, s.opt.Runtime, s.opt.Monitor); err != nil {
			return err
		}
		s.tensors = append(s.tensors, tensor)
	}
	if s.opt.Merge.Align != nil {
		return s.opt.Merge.Align.check()
	}
	return s.planAll(ctx, 0)
}

// tensor returns the tensor of a model that is measured: its features, or the outputs that are scored.
func (s *soup) tensor(ctx context.Context, m *Model) (string, error) {
	if !s.opt.Score.isZero() {
		return m.Scores(s.opt.Tensor)
	}
	return m.featuresFor(ctx, s.opt.Tensor, m.headInput(), s.opt.Train.asSplit("train"), s.opt.Monitor)
}

// choose scores models and averages, and sets the steps.
func (s *soup) choose(ctx context.Context, plan bench.Plan) (err error) {
	scores := 2*len(s.models) - 1 // each alone, and each but the best in an average
	s.validator, err = bench.NewValidator(ctx, plan, scores, s.opt.Monitor.bench("scoring", ""))
	if err != nil {
		return err
	}
	candidates := make([]choose.SoupStep, len(s.models))
	for i, m := range s.models {
		candidates[i] = choose.SoupStep{Model: m.path, Tensor: s.tensors[i]}
	}
	s.steps, err = choose.GreedySoup(candidates, choose.SoupOptions{Strict: s.opt.Strict, Report: s.noteStep},
		func(models []int) (float64, error) { return s.score(ctx, models) })
	for i := range s.steps {
		s.steps[i] = s.shown(s.steps[i])
	}
	return err
}

// shown returns a step with its scores as they were measured.
func (s *soup) shown(step choose.SoupStep) choose.SoupStep {
	if s.opt.Score.Lower {
		step.Alone, step.Soup = -step.Alone, -step.Soup
	}
	return step
}

// score returns the validation accuracy of a model or an average, or its score, negative if lower ones are better.
func (s *soup) score(ctx context.Context, indices []int) (float64, error) {
	first := s.models[indices[0]]
	var variant bench.Variant = storedVariant{first.path, first.onnxFile(), s.opt.Runtime.maxModel()}
	if len(indices) > 1 {
		if err := s.align(ctx, indices[0]); err != nil {
			return 0, err
		}
		plan, err := s.plan(ctx, indices)
		if err != nil {
			return 0, err
		}
		plan, _, err = repairPlan(ctx, plan, first, s.opt.Merge.Repair, s.opt.Merge.MemoryBytes)
		if err != nil {
			return 0, err
		}
		variant = averageVariant{mergeVariant{params: plan.Params, base: plan, inputs: s.models, last: first, monitor: s.opt.Monitor, most: s.opt.Runtime.maxModel()},
			plan, s.name(indices)}
	}
	scores, fitted, err := s.validator.Score(ctx, variant, s.tensors[indices[0]])
	if err != nil {
		return 0, err
	}
	s.n = 0
	mean := 0.0
	for _, score := range scores {
		s.n += score.N
		figure := score.OA
		if score.Score != nil {
			figure = *score.Score
		}
		mean += float64(figure) / float64(len(scores))
	}
	if fitted != nil {
		s.noteFit(variant.ID(), fitted)
	}
	if len(indices) == 1 {
		s.opt.Monitor.note(fmt.Sprintf("%s: %.4f", variant.ID(), mean))
	}
	if s.opt.Score.Lower {
		mean = -mean
	}
	return mean, nil
}

// noteFit notes a probe that did not converge.
func (s *soup) noteFit(id string, fitted *fit.Report) {
	if !fitted.Converged {
		s.notes = append(s.notes, fmt.Sprintf("%s: the probe did not converge within %d iterations; gradient norm %.2g",
			id, fitted.Iterations, fitted.GradientNorm))
	}
	s.probe = fit.Options{Solver: fitted.Solver, C: fitted.C, Standardize: fitted.Standardize}
}

// noteStep reports a decision.
func (s *soup) noteStep(step choose.SoupStep) {
	verdict := "left out"
	if step.Taken {
		verdict = "taken"
	}
	step = s.shown(step)
	s.opt.Monitor.note(fmt.Sprintf("soup with %s: %.4f, %s", step.Model, step.Soup, verdict))
}

func (s *soup) name(indices []int) string {
	var names []string
	for _, i := range indices {
		names = append(names, s.models[i].path)
	}
	return "average of " + strings.Join(names, ", ")
}

// averageVariant is the mean of some models.
type averageVariant struct {
	mergeVariant
	average *onnxmerge.Plan
	id      string
}

// Key implements bench.Variant.
func (v averageVariant) Key(ctx context.Context) (string, error) { return v.average.Key(ctx) }

// Model implements bench.Variant.
func (v averageVariant) Model(ctx context.Context, _ string) (bench.Model, error) {
	return v.write(ctx, v.average)
}

// ID implements bench.Variant.
func (v averageVariant) ID() string { return v.id }

// About implements bench.Variant.
func (averageVariant) About() bench.About { return bench.About{} }
