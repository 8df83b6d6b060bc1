package bench

import (
	"errors"
	"slices"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/corrupt"
	"github.com/wiseft/wiseft/internal/fault"
)

// complete sets defaults and returns an error if the plan cannot run.
func (p *Plan) complete() error {
	switch {
	case len(p.Variants) == 0:
		return fault.Usagef("no models to measure")
	case len(p.Tests) == 0:
		return fault.Usagef("test data is needed")
	case p.OwnHead && len(p.Controls) > 0:
		return fault.Usagef("a random network is measured with probes, not with its own head")
	case p.OwnHead && p.Train != nil:
		return fault.Usagef("a model's own head needs no training data")
	case !p.OwnHead && p.Train == nil:
		return fault.Usagef("training data is needed")
	}
	if p.Schema == "" {
		p.Schema = resultSchema
	}
	p.Fit.Init = nil
	if err := p.Share.Check(); err != nil {
		return err
	}
	if p.Share.Workers() > 1 && !p.KeepFeatures {
		return fault.Usagef("a share of a plan needs stored features: " +
			"probes are fitted on features that another share has extracted")
	}
	if err := p.completeChoice(); err != nil {
		return err
	}
	if err := p.completeSuite(); err != nil {
		return err
	}
	if err := p.checkNames(); err != nil {
		return err
	}
	if err := errors.Join(p.checkHeads(), p.checkScore()); err != nil {
		return err
	}
	if err := p.checkTransfers(); err != nil {
		return err
	}
	return p.checkLabels()
}

// completeChoice sets the default rule and returns an error if the rule has no data.
func (p *Plan) completeChoice() error {
	named := p.Choose.Rule
	p.Choose = p.Choose.WithDefaults(p.Score == nil && p.corruptsVals())
	if err := p.Choose.Check(); err != nil {
		return err
	}
	switch robust := p.Choose.Robust(); {
	case robust && p.Suite == "" && len(p.Corruptions) == 0:
		return fault.Usagef("the rule %s needs corruptions", p.Choose.Rule)
	case named != "" && len(p.Vals) == 0 && !p.Choose.OnTest:
		return fault.Usagef("the rule %s needs validation data", p.Choose.Rule).WithHint(NeedsVal)
	case p.Choose.Val != "" && !slices.ContainsFunc(p.Vals, func(v Val) bool { return v.Name == p.Choose.Val }):
		return fault.Usagef("there is no validation data called %q to choose on", p.Choose.Val)
	}
	return nil
}

// corruptsVals reports whether there are corruptions, and they can be made of validation data.
func (p *Plan) corruptsVals() bool {
	if suite, err := corrupt.LookupSuite(p.Suite); err == nil {
		return !suite.Stored
	}
	return len(p.Corruptions) > 0
}

// NeedsVal says where validation data can come from.
const NeedsVal = "name data that the fine-tuned model has not seen with --val, or take it from the test data with " +
	"--val-from-test 0.3, or, if fine-tuning did not use it, from the training data with --val-from-train 0.2"

// decides reports whether the validation set of that name chooses.
func (p *Plan) decides(val string) bool { return p.Choose.Val == "" || p.Choose.Val == val }

// all returns the variants, and behind them the controls.
func (p *Plan) all() []Variant { return slices.Concat(p.Variants, p.Controls) }

// checkNames returns an error if names of variants, validation sets or test sets are not unique.
func (p *Plan) checkNames() error {
	seen := map[string]bool{}
	for _, v := range p.all() {
		if seen[v.ID()] {
			return fault.Usagef("two models are called %q", v.ID())
		}
		seen[v.ID()] = true
	}
	for _, id := range p.Baselines {
		if !seen[id] {
			return fault.Usagef("there is no model %q, which is named as a baseline", id)
		}
	}
	clear(seen)
	for _, v := range p.Vals {
		if seen[v.Name] {
			return fault.Usagef("two validation sets are called %q", v.Name)
		}
		seen[v.Name] = true
	}
	clear(seen)
	for _, t := range p.Tests {
		if seen[t.Name] {
			return fault.Usagef("two test sets are called %q", t.Name)
		}
		seen[t.Name] = true
	}
	return nil
}

func (p *Plan) completeSuite() error {
	if p.Suite != "" {
		suite, err := corrupt.LookupSuite(p.Suite)
		if err != nil {
			return err
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

// checkLabels finds errors that would otherwise stop a run after hours: missing labels, or data sets whose class
// names differ.
func (p *Plan) checkLabels() error {
	if p.Train == nil {
		return p.checkOwnLabels()
	}
	train := p.Train.Info()
	classes := int64(len(train.Classes))
	for i := range p.Train.Len() {
		label := p.Train.Label(i)
		if label < 0 {
			return fault.Inputf("%s: sample %d has no label", train.Name, i)
		}
		classes = max(classes, label+1)
	}
	for _, ds := range p.scored() {
		info := ds.Info()
		if len(info.Classes) > 0 && len(train.Classes) > 0 && !slices.Equal(info.Classes, train.Classes) {
			return fault.Inputf("%s has classes %v, but the training data %s has %v",
				info.Name, info.Classes, train.Name, train.Classes)
		}
		for i := range ds.Len() {
			if label := ds.Label(i); label < 0 || label >= classes {
				return fault.Inputf("%s: sample %d has label %d, but the training data %s has classes 0 to %d",
					info.Name, i, label, train.Name, classes-1)
			}
		}
	}
	return nil
}

// scored lists the clean data sets that are scored.
func (p *Plan) scored() []datasets.Dataset {
	var list []datasets.Dataset
	for _, v := range p.Vals {
		list = append(list, v.Data)
	}
	for _, t := range p.Tests {
		list = append(list, t.Data)
	}
	return list
}

// checkOwnLabels is checkLabels for models with their own head, whose number of classes is not known before it runs.
func (p *Plan) checkOwnLabels() error {
	if p.Score != nil {
		return nil // what the score compares outputs with is not known
	}
	for _, ds := range p.scored() {
		for i := range ds.Len() {
			if ds.Label(i) < 0 {
				return fault.Inputf("%s: sample %d has no label", ds.Info().Name, i)
			}
		}
	}
	return nil
}
