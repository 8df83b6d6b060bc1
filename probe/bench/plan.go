package bench

import (
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/corrupt"
	"github.com/wiseft/wiseft/probe"
)

// OptionError says that a plan asks for what cannot be.
type OptionError struct{ msg string }

func (e *OptionError) Error() string { return e.msg }

func optionErrorf(format string, args ...any) error {
	return &OptionError{fmt.Sprintf(format, args...)}
}

// complete fills in defaults and refuses what cannot run.
func (p *Plan) complete() error {
	switch {
	case len(p.Variants) == 0:
		return optionErrorf("no models to measure")
	case len(p.Tests) == 0:
		return optionErrorf("test data is needed")
	case p.OwnHead && p.Train != nil:
		return optionErrorf("a model's own head needs no training data")
	case !p.OwnHead && p.Train == nil:
		return optionErrorf("training data is needed")
	}
	if p.Schema == "" {
		p.Schema = resultSchema
	}
	p.Fit.Init = nil
	if err := p.Share.complete(p.KeepFeatures); err != nil {
		return err
	}
	if err := p.Choose.complete(p); err != nil {
		return err
	}
	if err := p.completeSuite(); err != nil {
		return err
	}
	if err := p.checkNames(); err != nil {
		return err
	}
	return p.checkLabels()
}

// checkNames refuses variants and test sets that results could not tell apart.
func (p *Plan) checkNames() error {
	seen := map[string]bool{}
	for _, v := range p.Variants {
		if seen[v.ID()] {
			return optionErrorf("two models are called %q", v.ID())
		}
		seen[v.ID()] = true
	}
	for _, id := range p.Baselines {
		if !seen[id] {
			return optionErrorf("there is no model %q to be a baseline", id)
		}
	}
	clear(seen)
	for _, t := range p.Tests {
		if seen[t.Name] {
			return optionErrorf("two test sets are called %q", t.Name)
		}
		seen[t.Name] = true
	}
	return nil
}

func (p *Plan) completeSuite() error {
	if p.Suite != "" {
		suite, ok := corrupt.LookupSuite(p.Suite)
		if !ok {
			return optionErrorf("unknown suite %q", p.Suite)
		}
		if p.Corruptions == nil {
			p.Corruptions = suite.Corruptions
		}
	}
	p.Corruptions = unique(p.Corruptions)
	if p.Severities == nil {
		p.Severities = []int{1, 2, 3, 4, 5}
	}
	p.Severities = unique(p.Severities)
	slices.Sort(p.Severities)
	return nil
}

func unique[T comparable](list []T) []T {
	var out []T
	for _, v := range list {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// checkLabels finds out before anything runs what would fail after hours: labels
// missing, or data sets that mean different classes by one number.
func (p *Plan) checkLabels() error {
	if p.Train == nil {
		return p.checkOwnLabels()
	}
	train := p.Train.Info()
	classes := int64(len(train.Classes))
	for i := range p.Train.Len() {
		label := p.Train.Label(i)
		if label < 0 {
			return probe.InputErrorf("%s: sample %d has no label", train.Name, i)
		}
		classes = max(classes, label+1)
	}
	for _, ds := range p.judged() {
		info := ds.Info()
		if len(info.Classes) > 0 && len(train.Classes) > 0 && !slices.Equal(info.Classes, train.Classes) {
			return probe.InputErrorf("%s has classes %v, but the training data %s has %v",
				info.Name, info.Classes, train.Name, train.Classes)
		}
		for i := range ds.Len() {
			if label := ds.Label(i); label < 0 || label >= classes {
				return probe.InputErrorf("%s: sample %d has label %d, but the training data %s has classes 0 to %d",
					info.Name, i, label, train.Name, classes-1)
			}
		}
	}
	return nil
}

// judged lists the data sets that are scored, as far as they are clean.
func (p *Plan) judged() []datasets.Dataset {
	var list []datasets.Dataset
	if p.Val != nil {
		list = append(list, p.Val)
	}
	for _, t := range p.Tests {
		list = append(list, t.Data)
	}
	return list
}

// checkOwnLabels is checkLabels for models that are judged by their own head: how many
// classes it has is not known before it runs.
func (p *Plan) checkOwnLabels() error {
	for _, ds := range p.judged() {
		for i := range ds.Len() {
			if ds.Label(i) < 0 {
				return probe.InputErrorf("%s: sample %d has no label", ds.Info().Name, i)
			}
		}
	}
	return nil
}
