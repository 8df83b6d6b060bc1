package wiseft

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/align"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/probe/ort"
)

// AlignOptions says how the units of every other model are brought into the order of the model whose graph is written,
// before the merge: networks that were trained apart have none in common. Package onnxmerge/align has the rules.
type AlignOptions struct {
	By      string // "weights", or "activations" on Data
	Data    Data   // unlabelled samples; its split train by default
	Samples int    // drawn from Data; 0 is AlignSamples
	Seed    uint64 // of the draw, of the self-check, and of the orders in which groups are matched
	Layout  string // of clouds: "bnc", "bcn", or "auto" and ""
	Runtime RuntimeOptions
	Monitor Monitor
}

// AlignSamples is how many samples are drawn by default to compare activations: with 160 clouds the draw moves what two
// PointNets reach by 4 points, with 640 by less than one.
const AlignSamples = 640

// check returns an error of kind Usage if the options name no way, or no data for it.
func (o AlignOptions) check() error {
	switch {
	case o.By != "weights" && o.By != "activations":
		return fault.Usagef("there is no alignment by %q", o.By).WithHint("there are weights and activations")
	case o.By == "activations" && o.Data.isZero():
		return fault.Usagef("an alignment by activations needs unlabelled data").WithHint("name it with --align-data or --repair")
	case o.Samples < 0:
		return fault.Usagef("--align-samples %d must not be negative", o.Samples)
	}
	return nil
}

// alignModels replaces all models but the last, in memory, by ones whose units are in the order of the last one's.
func alignModels(ctx context.Context, list models, opt AlignOptions) ([]onnxmerge.Aligned, error) {
	if err := opt.check(); err != nil {
		return nil, err
	}
	runtime, err := LoadRuntime(ctx, opt.Runtime, opt.Monitor)
	if err != nil {
		return nil, err
	}
	last := list[len(list)-1]
	var records []onnxmerge.Aligned
	for _, m := range list[:len(list)-1] {
		a := aligner{opt: opt, engine: runtime.Engine, model: m, last: last}
		record, order, err := a.align(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: aligning: %w", m.path, err)
		}
		if err := m.permute(ctx, a.groups, order); err != nil {
			return nil, err
		}
		records = append(records, *record)
	}
	return records, nil
}

// permute replaces the model, in memory, by one with permuted units, once.
func (m *Model) permute(ctx context.Context, groups *align.Groups, order align.Permutations) error {
	if m.stored != nil {
		return nil
	}
	replaced, err := groups.Replacements(order)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := m.WriteChanged(ctx, &out, onnx.Change{}, replaced...); err != nil {
		return withPath(m.path, err)
	}
	permuted, err := onnx.Open(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		return withPath(m.path, err)
	}
	m.Model, m.stored = permuted, m.Model
	return nil
}

// aligner finds the order of one model's units.
type aligner struct {
	opt    AlignOptions
	engine ort.Engine
	model  *Model
	last   *Model
	groups *align.Groups
	record onnxmerge.Aligned
}

// align finds groups of units, checks by running that they may be permuted, and matches them.
func (a *aligner) align(ctx context.Context) (*onnxmerge.Aligned, align.Permutations, error) {
	m := a.model.Model
	a.record = onnxmerge.Aligned{Model: filepath.Base(a.model.path), By: a.opt.By, Groups: []onnxmerge.AlignedGroup{}}
	a.groups = align.Find(m)
	runner, err := newOutputRunner(ctx, a.engine, m, a.opt.Seed)
	if err != nil {
		return nil, nil, err
	}
	a.opt.Monitor.progress(Progress{What: "checking which units may be permuted"})
	checked, err := a.groups.Check(ctx, m, runner.difference, align.CheckOptions{Seed: a.opt.Seed})
	if err != nil {
		return nil, nil, err
	}
	a.record.Difference = checked.Difference
	for _, f := range a.groups.Frozen {
		a.record.Frozen = append(a.record.Frozen, f.String())
	}
	match, err := a.match(ctx)
	if err != nil {
		return nil, nil, err
	}
	return a.describe(match), match.Permutations, nil
}

// match matches units by weights or activations.
func (a *aligner) match(ctx context.Context) (*align.Match, error) {
	reference, err := a.reference(ctx)
	if err != nil {
		return nil, err
	}
	opt := align.MatchOptions{Reference: reference, Seed: a.opt.Seed}
	if a.opt.By == "weights" {
		a.opt.Monitor.progress(Progress{What: "matching units by weights"})
		return a.groups.MatchWeights(ctx, a.model.Model, opt)
	}
	order, err := a.byActivations(ctx)
	if err != nil {
		return nil, err
	}
	return a.groups.Compare(a.model.Model, order, opt)
}

// reference returns the function that finds the counterpart of a weight: its pair, or else the weight of the same name and
// shape, since what speaks against the pair may be the order of its units.
func (a *aligner) reference(ctx context.Context) (func(*onnx.Tensor) *onnx.Tensor, error) {
	plan, err := planModels(ctx, models{a.model, a.last}, nil, MergeOptions{})
	if err != nil {
		return nil, err
	}
	paired := plan.Counterparts()
	return func(t *onnx.Tensor) *onnx.Tensor {
		if other := paired[t]; other != nil {
			return other
		}
		if other := a.last.Lookup(t.ID()); other != nil && slices.Equal(other.Dims, t.Dims) {
			return other
		}
		return nil
	}, nil
}

// describe adds the groups to the record.
func (a *aligner) describe(match *align.Match) *onnxmerge.Aligned {
	order := match.Permutations
	for i, g := range a.groups.List {
		first := g.Members[0]
		x := onnxmerge.AlignedGroup{Tensor: first.Tensor.ID(), Axis: first.Axis, Offset: first.Offset, Stride: first.Stride,
			Units: g.Size, Moved: order[i].Moved(), Before: match.Groups[i].Before, After: match.Groups[i].After}
		if x.Moved > 0 {
			for _, unit := range order[i] {
				x.Order = binary.LittleEndian.AppendUint32(x.Order, uint32(unit))
			}
		}
		a.record.Groups = append(a.record.Groups, x)
	}
	a.record.Uncompared = match.Unused
	return &a.record
}

// alignAs permutes models as a provenance records.
func alignAs(ctx context.Context, list models, records []onnxmerge.Aligned) error {
	if len(records) > len(list)-1 {
		return fault.Inputf("the provenance has %d aligned models of %d", len(records), len(list))
	}
	for i, record := range records {
		groups := align.Find(list[i].Model)
		order := make(align.Permutations, len(groups.List))
		for _, x := range record.Groups {
			if x.Order == nil {
				continue
			}
			at := slices.IndexFunc(groups.List, func(g align.Group) bool {
				first := g.Members[0]
				return first.Tensor.ID() == x.Tensor && first.Axis == x.Axis && first.Offset == x.Offset && first.Stride == x.Stride &&
					g.Size == x.Units
			})
			if at < 0 || len(x.Order) != 4*x.Units {
				return fault.Mismatchf("%s has no group of %d units at axis %d of %q, which the merge has permuted", list[i].path,
					x.Units, x.Axis, x.Tensor)
			}
			for k := range x.Units {
				order[at] = append(order[at], int(binary.LittleEndian.Uint32(x.Order[4*k:])))
			}
		}
		if err := list[i].permute(ctx, groups, order); err != nil {
			return err
		}
	}
	return nil
}

// byActivations matches units by their activations on samples.
func (a *aligner) byActivations(ctx context.Context) (align.Permutations, error) {
	sites, unmeasured := a.groups.Sites(a.model.Model)
	for _, i := range unmeasured {
		g := a.groups.List[i]
		a.record.Frozen = append(a.record.Frozen, fmt.Sprintf("%d units of %s: no value shows their activations", g.Size,
			g.Members[0].Tensor.ID()))
	}
	for _, s := range sites {
		if !a.last.Graph.Computes(s.Value) {
			return nil, fault.Mismatchf("%s has no value %q, by whose activations units would be compared", a.last.path, s.Value).
				WithHint("export both models alike, or align by weights")
		}
	}
	correlations := make([]*align.Correlation, len(sites))
	for i, s := range sites {
		correlations[i] = align.NewCorrelation(s.Units)
	}
	if err := a.correlate(ctx, sites, correlations); err != nil {
		return nil, err
	}
	return a.groups.MatchActivations(sites, correlations)
}

// correlate passes samples through both models.
func (a *aligner) correlate(ctx context.Context, sites []align.Site, correlations []*align.Correlation) (err error) {
	drawn, err := drawSamples(ctx, a.opt.Data.asSplit("train"), cmp.Or(a.opt.Samples, AlignSamples), a.opt.Samples > 0,
		a.opt.Seed, a.opt.Monitor)
	if err != nil {
		return err
	}
	a.record.Samples, a.record.Hash = drawn.data.Len(), drawn.hash
	in, err := sampleInput(a.last.Model)
	if err != nil {
		return withPath(a.last.path, err)
	}
	var pair [2]*ort.Program // of the model, and of the one whose order is wanted
	for side, m := range []*Model{a.model, a.last} {
		if pair[side], err = a.openSites(ctx, m, sites); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, pair[side].Close()) }()
	}
	done := 0
	return drawn.each(ctx, in, a.opt.Layout, a.opt.Runtime.BatchSize(), func(v *ort.Value, rows int) error {
		done += rows
		a.opt.Monitor.progress(Progress{"comparing activations", "samples", done, drawn.data.Len()})
		return errors.Join(addBatch(ctx, pair, v, rows, sites, correlations), v.Close())
	})
}

// openSites opens a model that computes the values of sites.
func (a *aligner) openSites(ctx context.Context, m *Model, sites []align.Site) (*ort.Program, error) {
	var values []string
	for _, s := range sites {
		values = append(values, s.Value)
	}
	p, err := openValues(ctx, a.engine, m.Model, values, nil)
	return p, aboutModel(m.path, err)
}

// alignPositions is how many positions of a sample, such as points or pixels, are compared; they are evenly spaced. With
// 640 samples these are 20,480 numbers of each unit: correlations have an error below .01.
const alignPositions = 32

// thin returns at most most evenly spaced rows of some length.
func thin(rows []float32, length, most int) []float32 {
	n := len(rows) / length
	if n <= most {
		return rows
	}
	list := make([]float32, 0, most*length)
	for i := range most {
		at := i * n / most * length
		list = append(list, rows[at:at+length]...)
	}
	return list
}

// addBatch adds the activations of one batch of samples to the correlations, the reference's first.
func addBatch(ctx context.Context, pair [2]*ort.Program, in *ort.Value, samples int, sites []align.Site,
	correlations []*align.Correlation) (err error) {
	var values [2][]*ort.Value
	for side, program := range pair {
		if values[side], err = program.Compute(ctx, []*ort.Value{in}); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, ort.CloseValues(values[side])) }()
	}
	for i, s := range sites {
		var rows [2][]float32
		for k, v := range []*ort.Value{values[1][i], values[0][i]} {
			x, err := v.Float32s()
			if err == nil {
				rows[k], err = s.Rows(x, v.Shape)
			}
			if err != nil {
				return fmt.Errorf("value %q: %w", s.Value, err)
			}
			rows[k] = thin(rows[k], s.Units, samples*alignPositions)
		}
		if err := correlations[i].Add(rows[0], rows[1]); err != nil {
			return fmt.Errorf("value %q: %w", s.Value, err)
		}
	}
	return nil
}
