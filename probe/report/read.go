package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/text"
	"github.com/wiseft/wiseft/probe/bench/result"
)

// ResultError reports a stored result of which no report can be made.
type ResultError struct{ Reason string }

// Kind implements the kinds of package fault.
func (e *ResultError) Kind() fault.Kind { return fault.Input }

func (e *ResultError) Error() string { return e.Reason }

func resultErrorf(format string, args ...any) error {
	return &ResultError{fmt.Sprintf(format, args...)}
}

// maxResultBytes exceeds the size of a result of ten thousand models.
const maxResultBytes = 1 << 30

// Read reads a result in the format "json", which sweep and bench print. A result without what reports need is a
// [ResultError].
func Read(in io.Reader) (*result.Result, error) {
	limited := &io.LimitedReader{R: in, N: maxResultBytes}
	d := json.NewDecoder(limited)
	r := &result.Result{}
	if err := d.Decode(r); err != nil {
		if limited.N <= 0 {
			return nil, resultErrorf("a result has at most %d bytes", maxResultBytes)
		}
		return nil, resultErrorf("is not the result of a sweep or benchmark: %v", text.JSONError(err))
	}
	if err := check(r); err != nil {
		return nil, err
	}
	return r, nil
}

// check returns an error if no report can be made of r.
func check(r *result.Result) error {
	if r.Schema != "wiseft.sweep/1" && r.Schema != "wiseft.bench/1" {
		return resultErrorf("schema %q is not that of a sweep or benchmark, wiseft.sweep/1 or wiseft.bench/1", r.Schema)
	}
	if len(r.Models) == 0 {
		return resultErrorf("the result has no models")
	}
	if r.Statistics == nil {
		return resultErrorf("the result has no statistics: an earlier version made it; make it again with wiseft collect RUN")
	}
	ids := map[string]bool{}
	for i, m := range r.Models {
		if m == nil || m.ID == "" || m.Clean == nil {
			return resultErrorf("model %d has no name or no figures of clean data", i)
		}
		if ids[m.ID] {
			return resultErrorf("two models are called %q", m.ID)
		}
		ids[m.ID] = true
		if err := checkModel(m); err != nil {
			return resultErrorf("model %q: %v", m.ID, err)
		}
	}
	if r.Chosen != nil && !ids[r.Chosen.ID] {
		return resultErrorf("the chosen model %q is not among the models", r.Chosen.ID)
	}
	if err := checkChanges(r); err != nil {
		return err
	}
	if err := checkLandscape(r.Landscape); err != nil {
		return err
	}
	for i, t := range r.Settings.Transfers {
		if t == nil {
			return resultErrorf("transfer set %d is not described", i)
		}
	}
	for i, c := range slices.Concat(r.Statistics.Comparisons, r.Statistics.Corrections) {
		if c == nil || c.Clean == nil || !ids[c.A] || !ids[c.B] {
			return resultErrorf("comparison %d does not name two of the models", i)
		}
	}
	return nil
}

// checkChanges returns an error if the answers by class and sample do not fit together.
func checkChanges(r *result.Result) error {
	c := r.Changes
	if c == nil {
		return nil
	}
	isCompared := c.Against != ""
	for i, cond := range c.Conditions {
		if cond == nil || cond.N < 1 {
			return resultErrorf("condition %d of the changes has no samples", i)
		}
	}
	columns := 1 + len(r.Order)
	for i, class := range c.Classes {
		if class == nil || len(class.Of) != columns || len(class.Model) != columns || isCompared && len(class.Against) != columns {
			return resultErrorf("class %d of the changes has no counts of %d columns", i, columns)
		}
	}
	for i, pair := range c.Confusion {
		if pair == nil {
			return resultErrorf("confusion %d of the changes is empty", i)
		}
	}
	for i, a := range c.Pictured() {
		if a == nil || isCompared && (a.Against == nil || a.AgainstMargin == nil) {
			return resultErrorf("answer %d of the changes is not that of two models", i)
		}
	}
	return nil
}

// checkLandscape returns an error if the points of a landscape are not those of a plane.
func checkLandscape(l *result.Landscape) error {
	if l == nil {
		return nil
	}
	grid := l.Of(result.GridPoint)
	if l.Side < 2 || l.Side > len(grid) || len(grid) != l.Side*l.Side {
		return resultErrorf("the landscape has %d points of a grid, %d a side", len(grid), l.Side)
	}
	for i, p := range grid {
		if p.X != grid[i%l.Side].X || p.Y != grid[i/l.Side*l.Side].Y || i > 0 && i < l.Side && !(p.X > grid[i-1].X) ||
			i >= l.Side && !(p.Y > grid[i-l.Side].Y) {
			return resultErrorf("point %d of the landscape's grid is not in its place", i)
		}
	}
	for _, p := range l.Of(result.PathPoint) {
		if p.Alpha == nil || !(*p.Alpha >= 0 && *p.Alpha <= 1) {
			return resultErrorf("a point of the landscape's path has no alpha from 0 to 1")
		}
	}
	return nil
}

func checkModel(m *result.Model) error {
	for i, t := range append([]*result.Tested{&m.Tested}, m.MoreTests...) {
		if t == nil || t.Clean == nil || t.Clean.N < 1 {
			return fmt.Errorf("test set %d has no clean samples", i)
		}
		if err := checkTested(t); err != nil {
			return err
		}
	}
	if m.Validation != nil {
		return checkShares("validation", m.Validation.OA)
	}
	return nil
}

// checkTested returns an error if an accuracy is not between 0 and 1.
func checkTested(t *result.Tested) error {
	if t.Clean.Score != nil {
		return nil // a score has any scale
	}
	if err := checkShares("clean", t.Clean.OA, t.MOA, t.Exact.MOA); err != nil {
		return err
	}
	for name, c := range t.Corruptions {
		if c == nil {
			return fmt.Errorf("%s has no figures", name)
		}
		if err := checkShares(name, append(c.OABySeverity[:], c.OA)...); err != nil {
			return err
		}
	}
	if t.Intervals == nil {
		return nil
	}
	if err := checkShares("interval of clean", t.Intervals.Clean[:]...); err != nil {
		return err
	}
	if t.Intervals.MOA != nil {
		if err := checkShares("interval of mOA", t.Intervals.MOA[:]...); err != nil {
			return err
		}
	}
	for name, ends := range t.Intervals.Corruptions {
		if err := checkShares("interval of "+name, ends[:]...); err != nil {
			return err
		}
	}
	return nil
}

func checkShares(what string, values ...result.Number) error {
	for _, v := range values {
		if v.Known() && (v < 0 || v > 1) {
			return fmt.Errorf("%s: accuracy %g is not between 0 and 1", strings.ToValidUTF8(what, "?"), float64(v))
		}
	}
	return nil
}
