package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/bench/unit"
	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/protocol"
)

// checkTransfers returns an error if protocols cannot be measured on a transfer set.
func (p *Plan) checkTransfers() error {
	if len(p.Transfers) > 0 && p.OwnHead {
		return fault.Usagef("transfer data measures features, and the model's own head gives class scores").
			WithHint("leave out the own head, which is scored beside the features")
	}
	seen := map[string]bool{}
	for _, t := range p.Transfers {
		if seen[t.Name] {
			return fault.Usagef("two transfer sets are called %q", t.Name)
		}
		seen[t.Name] = true
		if err := t.check(); err != nil {
			return err
		}
	}
	return nil
}

func (t Transfer) check() error {
	if len(t.Protocols) == 0 {
		return fault.Usagef("transfer data %s has no protocols", t.Name)
	}
	for i, name := range t.Protocols {
		p, err := protocol.Lookup(name)
		switch {
		case err != nil:
			return err
		case slices.Contains(t.Protocols[:i], name):
			return fault.Usagef("transfer data %s has the protocol %s twice", t.Name, name)
		case len(t.Folds) > 0 && name != protocol.FewShot:
			return fault.Usagef("transfer data %s has published few-shot folds, which are not for the protocol %s", t.Name, name)
		case p.NeedsTest && t.Test == nil && len(t.Folds) == 0:
			return fault.Usagef("transfer data %s has no test data, which the protocol %s needs", t.Name, name)
		}
	}
	if len(t.Folds) > 0 {
		for _, f := range t.Folds {
			if err := checkTransferLabels(f.Train, f.Test); err != nil {
				return err
			}
		}
		return nil
	}
	return checkTransferLabels(t.Train, t.Test)
}

// checkTransferLabels returns an error if samples have no label, or test samples have classes that training data lacks.
func checkTransferLabels(train, test datasets.Dataset) error {
	classes := int64(len(train.Info().Classes))
	for i := range train.Len() {
		label := train.Label(i)
		if label < 0 {
			return fault.Inputf("%s: sample %d has no label", train.Info().Name, i)
		}
		classes = max(classes, label+1)
	}
	if test == nil {
		return nil
	}
	a, b := train.Info(), test.Info()
	if len(a.Classes) > 0 && len(b.Classes) > 0 && !slices.Equal(a.Classes, b.Classes) {
		return fault.Inputf("%s has classes %v, but its training data has %v", b.Name, b.Classes, a.Classes)
	}
	for i := range test.Len() {
		if label := test.Label(i); label < 0 || label >= classes {
			return fault.Inputf("%s: sample %d has label %d, but its training data has classes 0 to %d", b.Name, i, label,
				classes-1)
		}
	}
	return nil
}

// newTransferSet describes a transfer set and lists its tasks.
func newTransferSet(ctx context.Context, t Transfer, p *Plan) (*result.TransferSet, error) {
	s := &result.TransferSet{Name: t.Name, Seed: p.Seed}
	var err error
	if s.Train, err = newDataResult(ctx, t.Train); err != nil {
		return nil, err
	}
	if s.Test, err = newDataResult(ctx, t.Test); err != nil {
		return nil, err
	}
	tasks := map[string][]protocol.Task{}
	for _, f := range t.Folds {
		fold := &result.TransferFold{Task: f.Task}
		if fold.Train, err = newDataResult(ctx, f.Train); err != nil {
			return nil, err
		}
		if fold.Test, err = newDataResult(ctx, f.Test); err != nil {
			return nil, err
		}
		s.Folds = append(s.Folds, fold)
		named := func(t protocol.Task) bool { return t.Name == f.Task }
		if !slices.ContainsFunc(tasks[protocol.FewShot], named) {
			tasks[protocol.FewShot] = append(tasks[protocol.FewShot], protocol.FoldTask(f.Task))
		}
	}
	for _, name := range t.Protocols {
		found, err := protocol.Lookup(name)
		if err != nil {
			return nil, err
		}
		if len(t.Folds) == 0 {
			tasks[name] = found.Tasks
		}
		for _, task := range tasks[name] {
			options, err := json.Marshal(task.Options)
			if err != nil {
				return nil, err
			}
			s.Tasks = append(s.Tasks, result.TransferTask{Protocol: name, Key: protocol.Key(name), Name: task.Name,
				Head: task.Head, Limit: task.LimitFor(p.Pooled), Options: string(options)})
		}
	}
	return s, nil
}

// pendingTasks returns the tasks of a unit whose outcomes are missing.
func (r *run) pendingTasks(u unit.Unit) (list []result.TransferTask) {
	for _, task := range r.spec.Settings.Transfers[u.View.Set].Tasks {
		if !r.folder.Has(unit.Transfer, r.spec.Outcome(u.Variant, u.View.Set, task)) {
			list = append(list, task)
		}
	}
	return list
}

// transferExtracted reports whether the folder has the features of all parts of a unit.
func (r *run) transferExtracted(u unit.Unit) bool {
	for _, part := range r.spec.Settings.Transfers[u.View.Set].Parts() {
		if !r.folder.Has(unit.Features, r.spec.FeaturesOf(u.Variant, part.SHA256)) {
			return false
		}
	}
	return true
}

// checkParts returns an error if the model cannot take the samples of a transfer set.
func (r *run) checkParts(ctx context.Context, w unit.View) error {
	for _, s := range r.data.transfers[w.Set] {
		if err := r.model.check(ctx, s.data, r.plan.Layout); err != nil {
			return err
		}
	}
	return nil
}

// transfer measures the missing tasks of a unit. Its parts are one unit of progress.
func (r *run) transfer(ctx context.Context, u unit.Unit) error {
	set, units := r.spec.Settings.Transfers[u.View.Set], r.at.Units
	var parts []*feature.Set
	for i := range set.Parts() {
		part := u
		part.View.Cell = i
		f, err := r.features(ctx, part)
		if err != nil {
			return err
		}
		parts = append(parts, f)
	}
	r.at.Units = min(r.at.Units, units+1)
	for _, task := range r.pendingTasks(u) {
		what := fmt.Sprintf("%s: %s, %s", r.spec.Variants[u.Variant].ID, r.spec.Name(u.View), task.Head)
		r.reportProgress(what)
		if err := r.measureTask(ctx, u, task, newSets(set, task, parts)); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return nil
}

// newSets returns the features that a task is measured on.
func newSets(set *result.TransferSet, task result.TransferTask, parts []*feature.Set) protocol.Sets {
	s := protocol.Sets{Seed: set.Seed}
	if len(set.Folds) > 0 {
		for i, f := range set.Folds {
			if f.Task == task.Name {
				s.Folds = append(s.Folds, protocol.Fold{Train: parts[2*i], Test: parts[2*i+1]})
			}
		}
		return s
	}
	if s.Train = parts[0]; len(parts) > 1 {
		s.Test = parts[1]
	}
	return s
}

// lookupTask returns how a task is measured: on published folds, or as its protocol does.
func lookupTask(task result.TransferTask, folds bool) (protocol.Task, error) {
	if folds {
		return protocol.FoldTask(task.Name), nil
	}
	return protocol.LookupTask(task.Protocol, task.Name)
}

// measureTask measures one task and stores its outcome.
func (r *run) measureTask(ctx context.Context, u unit.Unit, task result.TransferTask, s protocol.Sets) error {
	t, err := lookupTask(task, len(s.Folds) > 0)
	if err != nil {
		return err
	}
	began := time.Now()
	out, err := t.Measure(ctx, s)
	if err != nil {
		return err
	}
	key := r.spec.Outcome(u.Variant, u.View.Set, task)
	if err := r.folder.Save(unit.Transfer, key, out.Write); err != nil {
		return err
	}
	return r.record(unit.Transfer, key, u.Variant, r.spec.Name(u.View)+", "+task.Head, began)
}

// outcomeOf loads the outcome of a task.
func (b *builder) outcomeOf(v, t int, task result.TransferTask) (o *protocol.Outcome, err error) {
	ok, err := loadUnit(b.folder, b.event, unit.Transfer, b.spec.Outcome(v, t, task),
		func(in io.ReaderAt, size int64) (err error) {
			o, err = protocol.ReadOutcome(in, size)
			return err
		})
	if err == nil && !ok {
		err = &missingError{fmt.Sprintf("%s: %s, %s", b.spec.Variants[v].ID, b.spec.Settings.Transfers[t].Name, task.Head)}
	}
	return o, err
}
