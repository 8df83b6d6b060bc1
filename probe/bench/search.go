package bench

import (
	"context"
	"slices"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/bench/unit"
	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/search"
	"github.com/wiseft/wiseft/probe/store"
)

// searchBetween is the share of the training samples that is passed between the ends of the grid; see
// [search.Options].
const searchBetween = 0.5

// searchRule is the rule that a search supports.
const searchRule = "accuracy"

// Search finds the mix that validation accuracy would choose from a whole grid, with about a third of its passes, and
// returns a plan with this mix and the ends of the grid only. Its units stay in the folder for [Run]. The plan's
// variants must be mixes by alpha alone, rising; its rule must be "accuracy", and there must be one validation set.
// progress may be nil.
func Search(ctx context.Context, plan Plan, folder *store.Folder, progress func(Progress)) (Plan, error) {
	grid, err := plan.grid()
	if err != nil {
		return plan, err
	}
	// Features between the ends are interpolated from those at the ends, which a later search in the folder needs,
	// too.
	searched := plan
	searched.Controls, searched.Probes, searched.Transfers, searched.Landscape = nil, nil, nil, nil // they come after the search
	searched.KeepFeatures, searched.WarmStart = true, false                                         // a search evaluates the variants in another order
	r, err := newRun(ctx, searched, folder, progress)
	if err != nil {
		return plan, err
	}
	defer r.close()
	if err := r.saveStarts(); err != nil {
		return plan, err
	}
	s := &searching{run: r, grid: grid}
	s.at.TotalSamples = s.spec.Settings.Train.N * len(grid) / 3 // estimated
	opt := search.Options{TrainShare: s.trainShare()}
	if isLinear(plan.Fit.Solver) {
		s.between, opt.Between = searchBetween, searchBetween
	}
	choice, err := search.Alpha(ctx, grid, s.evaluate, opt)
	if err != nil {
		return plan, err
	}
	res := &result.Search{Grid: grid, Chosen: grid[choice.Index], Likely: choice.Likely, Passes: choice.Passes,
		Why: choice.Why}
	for _, step := range choice.Evaluated {
		res.Evaluated = append(res.Evaluated, result.SearchStep{
			Alpha: grid[step.Index], Samples: step.Samples, Right: step.Right, Passes: step.Passes, Why: step.Why})
	}
	plan.Found = res
	keep := []int{0, choice.Index, len(grid) - 1}
	var variants []Variant
	for _, i := range slices.Compact(keep) {
		variants = append(variants, plan.Variants[i])
	}
	plan.Variants = variants
	return plan, nil
}

// grid returns the alphas of the plan's variants.
func (p *Plan) grid() ([]float64, error) {
	var grid []float64
	for _, v := range p.Variants {
		params := v.About().Params
		if v.About().Repaired || v.About().Statistics != "" {
			return nil, fault.Usagef("a search has no use for repaired mixes or a second rule of statistics: " +
				"it looks at each alpha once")
		}
		if len(params) != 1 || params[0].Name != result.Alpha {
			return nil, fault.Usagef("a search needs models whose only parameter is alpha; %s is not one", v.ID())
		}
		grid = append(grid, params[0].Value)
	}
	if !slices.IsSorted(grid) {
		return nil, fault.Usagef("a search needs alphas in increasing order, not %v", grid)
	}
	switch {
	case p.OwnHead:
		return nil, fault.Usagef("a search needs probes; the model's own head is not trained")
	case p.Choose.OnTest || p.Choose.Rule != searchRule:
		return nil, fault.Usagef("a search supports only the rule %s, on validation data", searchRule)
	case len(p.Vals) == 0:
		return nil, fault.Usagef("a search needs validation data").WithHint(NeedsVal)
	case len(p.Vals) > 1:
		return nil, fault.Usagef("a search takes one set of validation data, and %d are named", len(p.Vals))
	case p.Share.Count > 1:
		return nil, fault.Usagef("a search cannot be shared: every alpha after the first two depends on earlier results")
	}
	return grid, nil
}

// isLinear reports whether the scores of a solver's probes are linear in the features. Samples far from the boundary
// then have little influence.
func isLinear(solver string) bool {
	return slices.Contains([]string{"", "logistic", "logistic-binary", "svc-ovr"}, solver)
}

// searching is the state of a search.
type searching struct {
	*run
	grid    []float64
	between float64 // share of the training samples passed between the ends; 0 = all

	ends [2]*feature.Set // training features at the ends of the grid
	near []int           // training samples that are passed between them, nil = all
}

// trainShare returns the share of an evaluation's passes that are training samples.
func (s *searching) trainShare() float64 {
	train := float64(s.plan.Train.Len())
	return train / (train + float64(s.plan.Vals[0].Data.Len()))
}

// evaluate implements [search.Evaluate].
func (s *searching) evaluate(ctx context.Context, i int, samples []int) ([]float64, error) {
	if s.ends[1] == nil { // an end of the grid, or a small grid without interpolation
		return s.evaluateWhole(ctx, i)
	}
	return s.evaluateBetween(ctx, i, samples)
}

// evaluateWhole passes all of the data, as a run does. At the ends of the grid it keeps the training features.
func (s *searching) evaluateWhole(ctx context.Context, i int) ([]float64, error) {
	u := unit.Unit{Variant: i, View: unit.View{Role: unit.Training}}
	if err := s.process(ctx, u); err != nil {
		return nil, err
	}
	judged := unit.View{Role: unit.Validation}
	if err := s.process(ctx, unit.Unit{Variant: i, View: judged}); err != nil {
		return nil, err
	}
	if end := slices.Index([]int{0, len(s.grid) - 1}, i); end >= 0 {
		var err error
		if s.ends[end], err = s.features(ctx, u); err != nil {
			return nil, err
		}
		if end == 1 && s.between > 0 {
			if err := s.findNear(ctx); err != nil {
				return nil, err
			}
		}
	}
	b := &builder{spec: s.spec, folder: s.folder, event: s.event}
	p, err := b.scores(i, judged)
	if err != nil {
		return nil, err
	}
	return p.Margins(), nil
}

// findNear finds the training samples that are passed between the ends: those near the boundary.
func (s *searching) findNear(ctx context.Context) error {
	var margins [2][]float64
	for end, v := range []int{0, len(s.grid) - 1} {
		cl, err := s.probe(s.spec.Probe(v))
		if err == nil && cl == nil {
			err = &missingError{s.spec.Variants[v].ID + ": the probe"}
		}
		if err != nil {
			return err
		}
		p, err := result.Predict(cl, s.ends[end])
		if err != nil {
			return err
		}
		margins[end] = p.Margins()
	}
	s.near = search.Nearest(margins[0], margins[1], s.between)
	return ctx.Err()
}

// evaluateBetween passes the training samples near the boundary and the given validation samples, and interpolates
// the features of the other training samples.
func (s *searching) evaluateBetween(ctx context.Context, i int, samples []int) ([]float64, error) {
	train, val, err := s.passBetween(ctx, i, samples)
	if err != nil {
		return nil, err
	}
	s.reportProgress(s.spec.Variants[i].ID + ": probe")
	opt := s.spec.Settings.Fit
	opt.Workers = s.plan.Fit.Workers
	cl, err := s.fitOnce(ctx, s.spec.BentProbe(i, len(s.grid)-1, s.near), i, train, opt, nil)
	if err != nil {
		return nil, err
	}
	p, err := result.Predict(cl, val)
	if err != nil {
		return nil, err
	}
	return p.Margins(), nil
}

// passBetween returns the training features, most of them interpolated, and the features of the validation samples.
func (s *searching) passBetween(ctx context.Context, i int, samples []int) (train, val *feature.Set, err error) {
	val, err = s.part(ctx, i, unit.View{Role: unit.Validation}, samples, "validation data")
	if err != nil {
		return nil, nil, err
	}
	f, err := s.part(ctx, i, unit.View{Role: unit.Training}, s.near, "training data near the boundary")
	if err != nil || s.near == nil {
		return f, val, err
	}
	return s.interpolated(i, s.near, f), val, nil
}

// part returns the features of samples, which are sorted; nil = all.
func (s *searching) part(ctx context.Context, i int, w unit.View, samples []int, name string) (*feature.Set, error) {
	if samples == nil {
		return s.features(ctx, unit.Unit{Variant: i, View: w})
	}
	ds, err := s.data.get(ctx, w)
	if err != nil {
		return nil, err
	}
	some := datasets.Subset(ds, samples, "passed in a search")
	hash, err := some.Hash(ctx)
	if err != nil {
		return nil, err
	}
	return s.featuresOf(ctx, i, hash, name, false, func() (datasets.Dataset, error) { return some, nil })
}
