package bench

import (
	"fmt"

	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/metric"
	"github.com/wiseft/wiseft/probe/protocol"
)

// transfers sets the figures of all variants on the transfer sets, and compares them with the ends of the path.
func (b *builder) transfers() error {
	for t, set := range b.spec.Settings.Transfers {
		for _, task := range set.Tasks {
			if err := b.transferTask(t, set.Name, task); err != nil {
				return err
			}
		}
	}
	return nil
}

// transferTask sets the figures of one task.
func (b *builder) transferTask(t int, name string, task result.TransferTask) error {
	outcomes := make([]*protocol.Outcome, len(b.spec.Variants))
	models := len(b.result.Models)
	for v := range b.spec.Variants {
		var err error
		if outcomes[v], err = b.outcomeOf(v, t, task); err != nil {
			return err
		}
		f := newTransferFigure(outcomes[v])
		if f.Converged != nil && !*f.Converged {
			b.note(fmt.Sprintf("%s, %s on %s: the classifier did not converge", b.spec.Variants[v].ID, task.Head, name))
		}
		if v < models {
			addFigure(&b.result.Models[v].Transfer, name, task, f)
		} else {
			addFigure(&b.control(b.spec.Variants[v].ID).Transfer, name, task, f)
		}
	}
	for _, alpha := range []float64{0, 1} {
		from := b.end(alpha)
		if from < 0 || outcomes[from].Skipped != "" {
			continue
		}
		var list []*result.Difference
		for v := range models {
			if v == from {
				continue
			}
			d := &result.TransferDifference{From: b.result.Models[from].ID,
				Difference: *compareOutcomes(outcomes[v], outcomes[from])}
			f := b.result.Models[v].Transfer[name].Figure(task)
			f.Differences, list = append(f.Differences, d), append(list, &d.Difference)
		}
		holm(list)
	}
	return nil
}

// control returns the control of that ID.
func (b *builder) control(id string) *result.Control {
	for _, c := range b.result.Controls {
		if c.ID == id {
			return c
		}
	}
	panic("bench: no control " + id)
}

func addFigure(sets *map[string]result.Transferred, name string, task result.TransferTask, f *result.TransferFigure) {
	if *sets == nil {
		*sets = map[string]result.Transferred{}
	}
	set := (*sets)[name]
	if set == nil {
		set = result.Transferred{}
		(*sets)[name] = set
	}
	if set[task.Key] == nil {
		set[task.Key] = map[string]*result.TransferFigure{}
	}
	set[task.Key][task.Name] = f
}

// newTransferFigure returns the figures of an outcome without differences.
func newTransferFigure(o *protocol.Outcome) *result.TransferFigure {
	unknown := result.Unknown()
	f := &result.TransferFigure{Accuracy: unknown, MeanClass: unknown, Std: unknown, N: o.N, Skipped: o.Skipped,
		Interval: [2]result.Number{unknown, unknown}}
	if o.Fit != nil {
		f.Converged = &o.Fit.Converged
	}
	switch {
	case o.Skipped != "":
	case len(o.Folds) > 0:
		mean, std := protocol.MeanStd(o.Folds)
		f.Folds, f.Accuracy, f.Std = o.Folds, result.Number(mean), result.Number(std)
		if len(o.Folds) > 1 {
			f.Interval = ends(metric.MeanInterval(o.Folds, result.ConfidenceLevel))
		}
	default:
		f.N = len(o.Y)
		f.Accuracy = result.Number(metric.Accuracy(o.Class, o.Y))
		f.MeanClass = result.Number(metric.MeanClassAccuracy(o.Class, o.Y, o.Classes))
		f.Interval = ends(metric.AccuracyInterval(countRight(metric.Right(o.Class, o.Y)), f.N, result.ConfidenceLevel))
	}
	return f
}

// compareOutcomes compares two models by a task: sample by sample, or fold by fold.
func compareOutcomes(a, b *protocol.Outcome) *result.Difference {
	if len(a.Folds) > 0 {
		d := compareMeans(a.Folds, b.Folds)
		d.Test = signFoldTest
		return d
	}
	return compareAccuracy(metric.Right(a.Class, a.Y), metric.Right(b.Class, b.Y))
}

const signFoldTest = "random signs by fold"
