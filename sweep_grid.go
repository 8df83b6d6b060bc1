package wiseft

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/probe/bench"
	"github.com/wiseft/wiseft/probe/bench/result"
)

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
