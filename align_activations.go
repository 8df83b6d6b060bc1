package wiseft

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/align"
	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/ort"
)

// byActivations matches units by their activations on one draw of samples or several. Of several, the orders that they
// give are compared by the correlations on the samples of all draws, and the best is returned.
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
	draws := max(a.opt.Draws, 1)
	total, orders := newCorrelations(sites), make([]align.Permutations, draws)
	for i := range draws {
		own := newCorrelations(sites)
		drawn, err := a.correlate(ctx, i, sites, own)
		if err != nil {
			return nil, err
		}
		if orders[i], err = a.groups.MatchActivations(sites, own); err != nil {
			return nil, err
		}
		if draws == 1 {
			return orders[i], nil
		}
		a.record.Draws = append(a.record.Draws, *drawn)
		for k := range own {
			if err := total[k].Join(own[k]); err != nil {
				return nil, err
			}
		}
	}
	best := 0
	for i, order := range orders {
		d := &a.record.Draws[i]
		d.Likeness = a.groups.Likeness(sites, total, order)
		for _, p := range order {
			d.Moved += p.Moved()
		}
		if d.Likeness > a.record.Draws[best].Likeness {
			best = i
		}
	}
	a.record.Draws[best].Taken = true
	return orders[best], nil
}

func newCorrelations(sites []align.Site) []*align.Correlation {
	list := make([]*align.Correlation, len(sites))
	for i, s := range sites {
		list[i] = align.NewCorrelation(s.Units)
	}
	return list
}

// correlate passes the samples of a draw through both models.
func (a *aligner) correlate(ctx context.Context, draw int, sites []align.Site, correlations []*align.Correlation,
) (_ *onnxmerge.AlignedDraw, err error) {
	seed := a.opt.Seed + uint64(draw)
	drawn, err := drawSamples(ctx, a.opt.Data.forModel(a.last.Model).asSplit("train"), cmp.Or(a.opt.Samples, AlignSamples), a.opt.Samples > 0, seed,
		a.opt.Monitor)
	if err != nil {
		return nil, err
	}
	if draw == 0 {
		a.record.Samples, a.record.Hash = drawn.data.Len(), drawn.hash
		d := a.opt.Data.described(a.opt.Layout, a.opt.Seed, drawn, a.opt.Runtime, a.engine)
		a.record.Data = &d
	}
	inputs, err := drawn.fed(a.last)
	if err != nil {
		return nil, err
	}
	var pair [2]*ort.Program // of the model, and of the one whose order is wanted
	for side, m := range []*Model{a.model, a.last} {
		if pair[side], err = a.openSites(ctx, m, inputs, sites); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, pair[side].Close()) }()
	}
	done, what := 0, "comparing activations"
	if a.opt.Draws > 1 {
		what += fmt.Sprintf(", draw %d of %d", draw+1, a.opt.Draws)
	}
	return &onnxmerge.AlignedDraw{Seed: seed}, drawn.each(ctx, inputs, a.opt.Layout, a.opt.Runtime.BatchSize(),
		func(values []*ort.Value, rows int) error {
			done += rows
			a.opt.Monitor.progress(Progress{what, "samples", done, drawn.data.Len()})
			return errors.Join(addBatch(ctx, pair, values, rows, sites, correlations), ort.CloseValues(values))
		})
}

// openSites opens a model that computes the values of sites from some of its inputs.
func (a *aligner) openSites(ctx context.Context, m *Model, inputs []probe.Input, sites []align.Site) (*ort.Program, error) {
	var values []string
	for _, s := range sites {
		values = append(values, s.Value)
	}
	var names []string
	for _, in := range inputs {
		names = append(names, in.Name)
	}
	p, err := openValues(ctx, a.engine.Engine, m.Model, names, values, nil)
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
func addBatch(ctx context.Context, pair [2]*ort.Program, in []*ort.Value, samples int, sites []align.Site,
	correlations []*align.Correlation) (err error) {
	var values [2][]*ort.Value
	for side, program := range pair {
		if values[side], err = program.Compute(ctx, in); err != nil {
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
