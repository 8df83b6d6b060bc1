package bench

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/input"
	"github.com/wiseft/wiseft/internal/output"
	"github.com/wiseft/wiseft/internal/text"
	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/bench/unit"
	"github.com/wiseft/wiseft/probe/fit"
	"github.com/wiseft/wiseft/probe/store"
)

const resultSchema = "wiseft.bench/1"

// PlanFile is the name of the plan in the folder of a run.
const PlanFile = "plan.json"

// newSpec returns the record of a complete plan.
func newSpec(ctx context.Context, p *Plan, data *runData) (*unit.Spec, error) {
	settings, err := newSettings(ctx, p)
	if err != nil {
		return nil, err
	}
	s := &unit.Spec{Schema: unit.Schema, Result: p.Schema, Settings: *settings, WeightsKey: p.Weights.key()}
	for i, v := range p.all() {
		key, err := v.Key(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", v.ID(), err)
		}
		about := v.About()
		s.Variants = append(s.Variants, unit.Variant{ID: v.ID(), Params: about.Params, Repaired: about.Repaired,
			Statistics: about.Statistics, Merged: about.Merged, Command: about.Command, Control: i >= len(p.Variants), Key: key})
	}
	for i, v := range p.Vals {
		cells, err := data.cells(ctx, data.vals[i])
		if err != nil {
			return nil, err
		}
		s.Vals = append(s.Vals, unit.Set{Name: v.Name, Cells: cells})
	}
	for i, t := range p.Tests {
		cells, err := data.cells(ctx, data.tests[i])
		if err != nil {
			return nil, err
		}
		s.Tests = append(s.Tests, unit.Set{Name: t.Name, Stored: t.Corrupted != nil, Cells: cells})
	}
	return s, nil
}

// newSettings returns what a result depends on besides the models.
func newSettings(ctx context.Context, p *Plan) (*result.Settings, error) {
	s := &result.Settings{
		Wiseft: p.Version, Go: runtime.Version(), Runtime: p.Engine.Runtime(), Tensor: p.Tensor, OwnHead: p.OwnHead, HeadLabels: p.HeadLabels, Heads: p.Heads,
		Suite: p.Suite, Reference: p.Reference, Baselines: p.Baselines,
		Corruptions: p.Corruptions, Severities: p.Severities, Seed: p.Seed,
		Fit: recorded(p.Fit), WarmStart: p.WarmStart, Layout: p.Layout, Batch: p.Batch, Choose: p.Choose, Search: p.Found,
		Statistics: p.Statistics, Method: p.Method,
		Validation: p.origin(), ValFromTest: p.ValFromTest, Shared: p.Shared, Doubts: p.Doubts,
	}
	if len(p.Corruptions) == 0 {
		s.Corruptions, s.Severities = []string{}, []int{}
	}
	if p.Pool != (probe.Pooling{}) {
		s.Pool = &p.Pool
	}
	if p.Score != nil {
		scoring := p.Score.Scoring()
		s.Score = &scoring
	}
	var err error
	if s.Start, err = startKey(p.Start); err != nil {
		return nil, err
	}
	if s.Probes, err = headSettings(p.Probes); err != nil {
		return nil, err
	}
	if s.Train, err = newDataResult(ctx, p.Train); err != nil {
		return nil, err
	}
	for i, v := range p.Vals {
		d, err := newDataResult(ctx, v.Data)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			s.Val = d
			continue
		}
		s.MoreVals = append(s.MoreVals, d)
	}
	for _, t := range p.Tests {
		d, err := newDataResult(ctx, t.Data)
		if err != nil {
			return nil, err
		}
		s.Tests = append(s.Tests, d)
	}
	for _, t := range p.Transfers {
		set, err := newTransferSet(ctx, t, p)
		if err != nil {
			return nil, err
		}
		s.Transfers = append(s.Transfers, set)
	}
	return s, nil
}

// origin says where the validation data comes from; "" without any.
func (p *Plan) origin() string {
	var list []string
	for _, v := range p.Vals {
		list = append(list, cmp.Or(v.Origin, "data of its own"))
	}
	return strings.Join(slices.Compact(list), "; ")
}

// recorded returns the options of a fit that change the probe, with the default solver and C.
func recorded(opt fit.Options) fit.Options {
	opt.Solver, opt.C = cmp.Or(opt.Solver, fit.DefaultSolver), cmp.Or(opt.C, fit.DefaultC)
	opt.Init, opt.Workers = nil, 0
	return opt
}

// newDataResult describes a data set; nil for nil.
func newDataResult(ctx context.Context, ds datasets.Dataset) (*result.Data, error) {
	if ds == nil {
		return nil, nil
	}
	sum, err := ds.Hash(ctx)
	if err != nil {
		return nil, err
	}
	return &result.Data{Info: ds.Info(), SHA256: sum, N: ds.Len()}, nil
}

// PlanError reports that a folder holds another plan.
type PlanError struct{ Folder string }

// Kind implements the kinds of package fault.
func (e *PlanError) Kind() fault.Kind { return fault.Usage }

func (e *PlanError) Error() string {
	return e.Folder + ": the folder holds the run of another plan"
}

// ReadSpec reads the plan of a run's folder.
func ReadSpec(dir string) (*unit.Spec, error) {
	path := filepath.Join(dir, PlanFile)
	plan, err := input.ReadFile(output.Next(path))
	if errors.Is(err, fs.ErrNotExist) {
		plan, err = input.ReadFile(path)
	}
	if errors.Is(err, syscall.ENOTDIR) {
		return nil, fault.Inputf("%s: is a file, want the folder of a run", dir)
	}
	if err != nil {
		return nil, err
	}
	s := &unit.Spec{}
	if err := json.Unmarshal(plan, s); err != nil {
		return nil, fault.Inputf("%s: is not the plan of a run: %v", path, text.JSONError(err)).
			WithHint("run the sweep or bench again with --force; what it has stored is used")
	}
	if err := s.Check(); err != nil {
		return nil, fault.Inputf("%s: is not the plan of a run: %v", path, err)
	}
	return s, nil
}

// saveOptions sets whether a plan may be replaced. The zero value keeps another plan.
type saveOptions struct{ replace bool } // another plan in the folder is replaced

// savePlan writes the plan into the folder and returns the name of its file; "" if the folder has an equal plan. A plan
// takes the place of one that it extends. Where the folder has the result of another plan, it waits beside that one's
// until its own result takes the place of both.
func savePlan(s *unit.Spec, folder *store.Folder, opt saveOptions) (name string, err error) {
	var data bytes.Buffer
	if err := text.WriteJSON(&data, s); err != nil {
		return "", err
	}
	there, err := ReadSpec(folder.Root())
	switch {
	case err == nil && there.ID() == s.ID():
		return "", nil
	case err == nil && !opt.replace && !s.Extends(there):
		return "", &PlanError{folder.Root()}
	case err != nil && !errors.Is(err, fs.ErrNotExist) && !opt.replace:
		return "", err
	}
	name = PlanFile
	if _, err := os.Stat(filepath.Join(folder.Root(), PlanFile)); err == nil {
		name = filepath.Base(output.Next(PlanFile))
	}
	return name, folder.SaveFile(name, func(w io.Writer) error { _, err := data.WriteTo(w); return err })
}
