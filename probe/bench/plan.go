package bench

import (
	"context"
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/corrupt"
	"github.com/wiseft/wiseft/probe"
)

// cell is one test condition: clean, or a corruption at a severity.
type cell struct {
	corruption string // "" = clean
	severity   int
	data       datasets.Dataset
}

func (c cell) String() string {
	if c.corruption == "" {
		return "clean"
	}
	return fmt.Sprintf("%s %d", c.corruption, c.severity)
}

// complete fills in defaults and refuses what cannot run.
func (p *Plan) complete() error {
	switch {
	case len(p.Variants) == 0:
		return fmt.Errorf("no models to measure")
	case p.Train == nil || p.Test == nil:
		return fmt.Errorf("training and test data are needed")
	case p.Group < 0:
		return fmt.Errorf("group of %d models must not be negative", p.Group)
	}
	if p.Group == 0 {
		p.Group = defaultGroup
	}
	p.Fit.Init = nil
	if err := p.completeSuite(); err != nil {
		return err
	}
	ids := map[string]bool{}
	for _, v := range p.Variants {
		if ids[v.ID()] {
			return fmt.Errorf("two models are called %q", v.ID())
		}
		ids[v.ID()] = true
	}
	return p.checkLabels()
}

func (p *Plan) completeSuite() error {
	if p.Suite != "" {
		suite, ok := corrupt.LookupSuite(p.Suite)
		if !ok {
			return fmt.Errorf("unknown suite %q", p.Suite)
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
	train := p.Train.Info()
	classes := int64(len(train.Classes))
	for i := range p.Train.Len() {
		label := p.Train.Label(i)
		if label < 0 {
			return probe.InputErrorf("%s: sample %d has no label", train.Name, i)
		}
		classes = max(classes, label+1)
	}
	for _, ds := range []datasets.Dataset{p.Val, p.Test} {
		if ds == nil {
			continue
		}
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

// cells lists the test conditions, clean first.
func (p *Plan) cells() ([]cell, error) {
	list := []cell{{data: p.Test}}
	for _, name := range p.Corruptions {
		c, ok := corrupt.Lookup(name)
		if !ok {
			return nil, fmt.Errorf("unknown corruption %q", name)
		}
		for _, severity := range p.Severities {
			ds, err := corrupt.Wrap(p.Test, c, severity, p.Seed)
			if err != nil {
				return nil, err
			}
			list = append(list, cell{corruption: name, severity: severity, data: ds})
		}
	}
	return list, nil
}

// dataResult describes a data set for the result.
func dataResult(ctx context.Context, ds datasets.Dataset) (*DataResult, error) {
	sum, err := ds.Hash(ctx)
	if err != nil {
		return nil, err
	}
	return &DataResult{Info: ds.Info(), SHA256: sum, N: ds.Len()}, nil
}
