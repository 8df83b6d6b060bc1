package wiseft

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/surgery"
	"github.com/wiseft/wiseft/probe/bench"
	"github.com/wiseft/wiseft/probe/bench/result"
)

// SweepOptions says over which merges a sweep goes, and how each is measured.
type SweepOptions struct {
	Merge  MergeOptions // Merge.Params has the parameters that all merges share; Merge.Monitor is ignored
	Alphas []float64    // nil is 0, 0.1, ..., 1 if the method has a parameter alpha
	Grid   []GridAxis   // further parameters: all combinations are measured
	// Search finds the alpha that validation data would choose with about a third of the grid's forward passes, and
	// measures it and the ends alone.
	Search bool
	// NoProof leaves out the proof of the pairing by running, before anything is measured; see [MergePlan.Prove].
	NoProof bool
	// Floor is on how many draws of random weights a probe is fitted and scored, too: what the architecture alone reaches
	// ([onnxmerge.Plan.Fresh], running statistics reset on training data). 0 is none.
	Floor int
	MeasureOptions
}

// GridAxis is a parameter of a merge method, and its values in a sweep.
type GridAxis struct {
	Name   string
	Values []float64
}

// MaxGrid is the largest number of values of a parameter, and of merges in a sweep.
const MaxGrid = 10000

// Sweep merges models for every alpha, fits a probe on the merged model's features of the training data, and scores
// it on test data, clean and corrupted (WiSE-FT-LP). Alpha is chosen on validation data. Models are merged in memory.
func Sweep(ctx context.Context, paths []string, opt SweepOptions) (_ *Measured, err error) {
	plan, err := opt.plan("wiseft.sweep/1")
	if err != nil {
		return nil, err
	}
	if err := opt.checkSearch(); err != nil {
		return nil, err
	}
	if opt.Search {
		plan.Choose.Rule = "accuracy"
	}
	opt.addConvention()
	points, err := opt.points()
	if err != nil {
		return nil, err
	}
	merge := opt.Merge
	merge.Monitor, merge.Params = opt.Monitor, withPoint(merge.Params, points[0])
	merge.Repair = nil // every point has a repair of its own
	if !opt.NoProof {
		merge.Prove = &ProveOptions{Layout: opt.Layout, Runtime: opt.Runtime, Monitor: opt.Monitor}
	}
	merged, err := PlanMerge(ctx, paths, merge)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, merged.Close()) }()
	if err := merged.Err(); err != nil {
		return nil, err
	}
	if merged.Plan, err = withDeviations(merged.Plan, &merge, opt.Monitor); err != nil {
		return nil, err
	}
	if merge.Prove != nil {
		if _, err := proveMerge(ctx, merged.Plan, merged.inputs[:len(paths)], *merge.Prove); err != nil {
			return nil, err
		}
	}
	last := merged.inputs[len(paths)-1]
	if plan.Tensor, err = opt.measuredTensor(ctx, last, merged.Backbone.Output); err != nil {
		return nil, err
	}
	cut, err := surgery.Cut(last.Model, plan.Tensor)
	if err != nil {
		return nil, aboutModel(last.path, err)
	}
	whole := mergeVariant{base: merged.Plan, inputs: merged.inputs, last: last, cut: cut, monitor: opt.Monitor,
		merge: merge, paths: paths}
	if err := opt.addHead(ctx, &whole, plan.Tensor); err != nil {
		return nil, err
	}
	plan.Heads = whole.classes > 0
	samples, err := opt.calibration(ctx, whole)
	if err != nil {
		return nil, err
	}
	if samples != nil {
		opt.drawn = samples.drawn.data
	}
	if plan.Variants, err = opt.variants(ctx, whole, samples, points); err != nil {
		return nil, err
	}
	if plan.Controls, err = opt.floor(ctx, whole); err != nil {
		return nil, err
	}
	return opt.measure(ctx, plan, merged.inputs.paths(), opt.Search)
}

// withDeviations returns the plan of a sweep or a soup that does not say how running variances are mixed: as standard
// deviations, which is set in the options, too.
func withDeviations(plan *onnxmerge.Plan, opt *MergeOptions, monitor Monitor) (*onnxmerge.Plan, error) {
	if opt.Statistics != "" {
		return plan, nil
	}
	other, err := plan.WithDeviations()
	if err != nil || other == plan {
		return plan, err
	}
	opt.Statistics = onnxmerge.Deviations
	monitor.note("running variances are mixed as standard deviations; --norm-statistics linear mixes them as weights")
	return other, nil
}

// measuredTensor returns the tensor of a model that is measured: its features, or its class scores.
func (o MeasureOptions) measuredTensor(ctx context.Context, m *Model, headInput string) (tensor string, err error) {
	if o.OwnHead {
		tensor, err = m.Scores(o.Tensor)
	} else {
		tensor, err = m.featuresFor(ctx, o.Tensor, headInput, o.Train.asSplit("train"), o.Monitor)
	}
	if err != nil {
		return "", err
	}
	for _, d := range append(o.Tests, o.Train) {
		if err := d.checkInputs(m); err != nil {
			return "", err
		}
	}
	return tensor, m.checkBatch(tensor, o.Runtime)
}

// defaultAlphas are 0, 0.1, ..., 1.
func defaultAlphas() []float64 {
	alphas := make([]float64, 11)
	for i := range alphas {
		alphas[i] = float64(i) / 10
	}
	return alphas
}

// checkSearch returns an error if a search has no data, or another rule than its own.
func (o SweepOptions) checkSearch() error {
	switch {
	case !o.Search:
		return nil
	case o.Val.isZero():
		return fault.Usagef("--search needs validation data").WithHint(bench.NeedsVal)
	case o.Choose.Rule != "" && o.Choose.Rule != "accuracy":
		return fault.Usagef("--search supports only the rule accuracy, not %s", o.Choose.Rule)
	}
	return nil
}

// addConvention adds alpha .5, which is marked where no data chooses, to a grid of alphas that does not have it.
func (o *SweepOptions) addConvention() {
	if !o.Val.isZero() || o.Choose.OnTest || len(o.Grid) > 0 || o.Alphas == nil ||
		slices.Contains(o.Alphas, bench.ConventionalAlpha) {
		return
	}
	at, _ := slices.BinarySearch(o.Alphas, bench.ConventionalAlpha)
	o.Alphas = slices.Insert(slices.Clone(o.Alphas), at, bench.ConventionalAlpha)
	o.Monitor.note(fmt.Sprintf("alpha %g is added to the grid: without unseen validation data it is the default",
		bench.ConventionalAlpha))
}

// points returns all combinations of the grid's values, the first axis changing last.
func (o SweepOptions) points() ([][]result.Param, error) {
	m, err := method.Lookup(cmp.Or(o.Merge.Method, "linear"))
	if err != nil {
		return nil, err
	}
	axes := o.Grid
	if _, err := m.Param("alpha"); err == nil || o.Alphas != nil {
		alphas := o.Alphas
		if alphas == nil {
			alphas = defaultAlphas()
		}
		axes = append([]GridAxis{{"alpha", alphas}}, axes...)
	}
	points := [][]result.Param{nil}
	for i, axis := range axes {
		if _, err := m.Param(axis.Name); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(axes[:i], func(a GridAxis) bool { return a.Name == axis.Name }) {
			return nil, fault.Usagef("--grid %s is named twice", axis.Name)
		}
		if n := len(points) * len(axis.Values); n > MaxGrid {
			return nil, fault.Usagef("the grid has %d points, and at most %d are measured", n, MaxGrid)
		}
		points = product(points, axis)
	}
	if len(axes) == 0 {
		return nil, fault.Usagef("method %s has no parameter alpha, and no other is named", m.Name).
			WithHint("name one with --grid NAME=VALUES; see wiseft list methods %s", m.Name)
	}
	if len(points) == 0 {
		return nil, fault.Usagef("the grid has no points")
	}
	return points, nil
}

// product combines every point with every value of one more parameter.
func product(points [][]result.Param, axis GridAxis) (all [][]result.Param) {
	for _, p := range points {
		for _, v := range axis.Values {
			all = append(all, append(slices.Clone(p), result.Param{Name: axis.Name, Value: v}))
		}
	}
	return all
}

// withPoint returns parameters with those of a grid point.
func withPoint(params method.Params, point []result.Param) method.Params {
	all := method.Params{}
	maps.Copy(all, params)
	for _, p := range point {
		all[p.Name] = p.Value
	}
	return all
}

// calibration returns what repairs of the variants share; nil without repairs.
func (o SweepOptions) calibration(ctx context.Context, v mergeVariant) (*calibration, error) {
	if o.Merge.Repair == nil {
		return nil, nil
	}
	return newCalibration(ctx, v.base, v.last, *o.Merge.Repair, o.Merge.MemoryBytes)
}

// variants returns a variant like v for every point, and behind it the repaired one, unless the point is one of the
// models. samples are nil without repairs. Parameters that cannot be are reported here, before anything is measured.
func (o SweepOptions) variants(ctx context.Context, v mergeVariant, samples *calibration, points [][]result.Param,
) (list []bench.Variant, err error) {
	for _, v.point = range points {
		v.params = withPoint(o.Merge.Params, v.point)
		plan, err := v.plan()
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		if samples == nil {
			continue
		}
		changed, err := samples.changed(ctx, plan)
		if err != nil {
			return nil, err
		}
		if slices.Contains(changed, true) {
			list = append(list, repairedVariant{v, samples, changed})
		}
	}
	for _, warning := range v.base.Warnings {
		o.Monitor.note(warning)
	}
	return list, nil
}

// mergeVariant is a merge with its own parameters, made in memory when it is needed. It keeps no plan of its own,
// so that a thousand variants take no memory.
type mergeVariant struct {
	point   []result.Param
	params  method.Params // with those that all variants share
	base    *onnxmerge.Plan
	inputs  models
	last    *Model      // whose file is written
	cut     onnx.Change // removes what follows the measured tensor
	classes int         // scores of the own head behind the measured tensor; 0 is none
	merge   MergeOptions
	paths   []string // of the models
	monitor Monitor
}

// chosenModel is the output of the command lines of variants.
const chosenModel = "chosen.onnx"

// Command implements bench.Variant.
func (v mergeVariant) Command() string {
	v.merge.Params = v.params
	return v.merge.Command(v.paths, chosenModel)
}

// plan returns the plan with the variant's parameters.
func (v mergeVariant) plan() (*onnxmerge.Plan, error) {
	p, err := v.base.With(v.params)
	if err != nil {
		return nil, err
	}
	return p, p.Err()
}

// ID implements bench.Variant.
func (v mergeVariant) ID() string {
	var parts []string
	for _, p := range v.point {
		parts = append(parts, p.Name+"="+strconv.FormatFloat(p.Value, 'g', -1, 64))
	}
	return strings.Join(parts, " ")
}

// Params implements bench.Variant.
func (v mergeVariant) Params() []result.Param { return v.point }

// Key implements bench.Variant.
func (v mergeVariant) Key(ctx context.Context) (string, error) {
	plan, err := v.plan()
	if err != nil {
		return "", err
	}
	return plan.Key(ctx)
}

// Repaired implements bench.Variant.
func (v mergeVariant) Repaired() bool { return false }

// spareBytes is room in a buffer for what a written model has more than the file that it is written from. A buffer that
// is one byte too small grows to twice its size.
const spareBytes = 64 << 10

// Model implements bench.Variant. The SHA-256 is that of the whole merged model, as Merge writes it without provenance;
// what follows the measured tensor is then removed as was found once for all variants.
func (v mergeVariant) Model(ctx context.Context, _ string) (m bench.Model, err error) {
	plan, err := v.plan()
	if err != nil {
		return m, err
	}
	return v.write(ctx, plan)
}

// write makes the model of a plan.
func (v mergeVariant) write(ctx context.Context, plan *onnxmerge.Plan) (m bench.Model, err error) {
	var whole, cut bytes.Buffer
	whole.Grow(int(v.last.SizeBytes()) + spareBytes)
	made, err := onnxmerge.Run(ctx, &whole, plan, nil)
	if err != nil {
		return m, err
	}
	if err := v.inputs.checkUnchanged(); err != nil {
		return m, err
	}
	for _, clamped := range made.Clamped {
		v.monitor.note(v.ID() + ": " + describeClamped(clamped))
	}
	if m.Scores = v.classes; m.Scores > 0 {
		m.Tensor = surgery.FeaturesAndScores
	}
	if v.cut.IsZero() {
		m.ONNX = whole.Bytes()
		return m, nil
	}
	sum := sha256.Sum256(whole.Bytes())
	m.SHA256 = hex.EncodeToString(sum[:])
	cut.Grow(whole.Len() + spareBytes)
	err = v.last.WriteCopyChanged(ctx, &cut, whole.Bytes(), v.cut)
	m.ONNX = cut.Bytes()
	return m, err
}

// repairedVariant is a merge with repaired statistics.
type repairedVariant struct {
	mergeVariant
	samples *calibration
	changed []bool // by site: see [calibration.changed]
}

// ID implements bench.Variant.
func (v repairedVariant) ID() string { return v.mergeVariant.ID() + " repaired" }

// Command implements bench.Variant.
func (v repairedVariant) Command() string {
	v.merge.Repair = &v.samples.opt
	return v.mergeVariant.Command()
}

// Repaired implements bench.Variant.
func (repairedVariant) Repaired() bool { return true }

// Key implements bench.Variant.
func (v repairedVariant) Key(ctx context.Context) (string, error) {
	key, err := v.mergeVariant.Key(ctx)
	if err != nil {
		return "", err
	}
	return v.samples.key(key)
}

// Model implements bench.Variant.
func (v repairedVariant) Model(ctx context.Context, _ string) (m bench.Model, err error) {
	plan, err := v.plan()
	if err != nil {
		return m, err
	}
	if plan, _, err = v.samples.repairSites(ctx, plan, v.changed); err != nil {
		return m, err
	}
	return v.write(ctx, plan)
}

// Bench fits a probe on each model's features and scores it on test data, clean and corrupted.
func Bench(ctx context.Context, paths []string, opt MeasureOptions) (*Measured, error) {
	plan, err := opt.plan("wiseft.bench/1")
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fault.Usagef("missing MODEL")
	}
	var files []string
	for i, path := range paths {
		tensor, of, err := opt.storedTensor(ctx, path)
		if err != nil {
			return nil, err
		}
		files = append(files, of...)
		if i > 0 && plan.Tensor != tensor {
			return nil, fault.Usagef("%s has the tensor %q, %s has %q", paths[0], plan.Tensor, path, tensor).
				WithHint("benchmark them one by one")
		}
		plan.Tensor = tensor
		plan.Variants = append(plan.Variants, storedVariant(path))
	}
	return opt.measure(ctx, plan, files, false)
}

// storedTensor returns the measured tensor of a model file, and the paths of all its files.
func (o MeasureOptions) storedTensor(ctx context.Context, path string) (_ string, files []string, err error) {
	m, err := Open(path)
	if err != nil {
		return "", nil, err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	tensor, err := o.measuredTensor(ctx, m, m.headInput())
	return tensor, m.Paths(), err
}

// storedVariant is a model file as it is.
type storedVariant string

// ID implements bench.Variant.
func (v storedVariant) ID() string { return string(v) }

// Params implements bench.Variant.
func (storedVariant) Params() []result.Param { return nil }

// Command implements bench.Variant: there is a file.
func (storedVariant) Command() string { return "" }

// Repaired implements bench.Variant: a finished file is measured as it is.
func (storedVariant) Repaired() bool { return false }

// Key implements bench.Variant.
func (v storedVariant) Key(ctx context.Context) (string, error) {
	m, err := Open(string(v))
	if err != nil {
		return "", err
	}
	defer m.Close()
	files, err := m.Files(ctx)
	if err != nil {
		return "", withPath(string(v), err)
	}
	var all []string
	for _, f := range files {
		all = append(all, f.Name, f.Hash)
	}
	sum := sha256.Sum256([]byte(strings.Join(all, "\n")))
	return hex.EncodeToString(sum[:]), nil
}

// Model implements bench.Variant.
func (v storedVariant) Model(ctx context.Context, _ string) (bench.Model, error) {
	m, err := Open(string(v))
	if err != nil {
		return bench.Model{}, err
	}
	defer m.Close()
	data, err := m.Bytes(ctx)
	return bench.Model{ONNX: data}, err
}
