package bench

import (
	"context"
	"errors"
	"fmt"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/bench/choose"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/bench/unit"
	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit"
)

// Validator scores models on clean validation data as [Run] does to choose a mix.
type Validator struct {
	plan     Plan
	data     *runData
	progress func(Progress)
	at       Progress
}

// NewValidator returns a validator. Of plan, Variants, Tensor, Tests, Suite, Corruptions, Severities, Transfers and
// Choose are not used. models is the number of models that will be scored, for progress, which may be nil.
func NewValidator(ctx context.Context, plan Plan, models int, progress func(Progress)) (*Validator, error) {
	if plan.Train == nil && plan.Score == nil {
		return nil, fault.Usagef("training data is needed")
	}
	if len(plan.Vals) == 0 {
		return nil, fault.Usagef("validation data is needed").WithHint(NeedsVal)
	}
	clean := choose.Choice{}.WithDefaults(false)
	plan.Tests, plan.Corruptions, plan.Severities, plan.Choose, plan.Fit.Init = nil, nil, nil, clean, nil
	plan.Transfers = nil
	if err := plan.checkLabels(); err != nil {
		return nil, err
	}
	v := &Validator{plan: plan, progress: progress}
	var err error
	if v.data, err = newRunData(ctx, &v.plan); err != nil {
		return nil, err
	}
	for _, ds := range v.dataSets() {
		v.at.TotalUnits += models
		v.at.TotalSamples += models * ds.Len()
	}
	return v, nil
}

// dataSets lists the data sets that pass through every model.
func (v *Validator) dataSets() []datasets.Dataset {
	var list []datasets.Dataset
	if v.plan.Train != nil {
		list = append(list, v.plan.Train)
	}
	for _, val := range v.plan.Vals {
		list = append(list, val.Data)
	}
	return list
}

func (v *Validator) reportProgress(what string) {
	v.at.What = what
	if v.progress != nil {
		v.progress(v.at)
	}
}

// Score fits a probe on the features of the training data, the named output of the model, and returns its score on
// each validation set and the report of the fit. With a [Scorer] it returns the scores of the outputs, and no report.
func (v *Validator) Score(ctx context.Context, model Variant, tensor string) (scores []*result.Score, _ *fit.Report,
	err error) {
	v.reportProgress(model.ID() + ": model")
	m, err := openVariant(ctx, &v.plan, model, tensor)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, m.ex.Close()) }()
	if v.plan.Score != nil {
		scores, err = v.scoreOutputs(ctx, m)
		return scores, nil, err
	}
	train, err := v.extract(ctx, m, unit.View{Role: unit.Training})
	if err != nil {
		return nil, nil, err
	}
	var vals []*feature.Set
	for i := range v.plan.Vals {
		val, err := v.extract(ctx, m, unit.View{Role: unit.Validation, Set: i})
		if err != nil {
			return nil, nil, err
		}
		vals = append(vals, val)
	}
	v.reportProgress(model.ID() + ": probe")
	cl, err := fitFrom(ctx, train, v.plan.Fit, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", model.ID(), err)
	}
	for _, val := range vals {
		score, err := result.NewScore(cl, val)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", model.ID(), err)
		}
		scores = append(scores, score)
	}
	return scores, cl.Meta.Fit, nil
}

// scoreOutputs returns the scores of a model's outputs on each validation set.
func (v *Validator) scoreOutputs(ctx context.Context, m *openModel) (scores []*result.Score, err error) {
	for i := range v.plan.Vals {
		outputs, err := v.extract(ctx, m, unit.View{Role: unit.Validation, Set: i})
		if err != nil {
			return nil, err
		}
		s, err := scored(ctx, v.plan.Score, outputs)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.ID(), err)
		}
		scores = append(scores, s.Score())
	}
	return scores, nil
}

// extract passes training or validation data through a model.
func (v *Validator) extract(ctx context.Context, m *openModel, w unit.View) (*feature.Set, error) {
	what := m.ID() + ": " + map[unit.Role]string{unit.Training: "training data",
		unit.Validation: "validation data"}[w.Role]
	ds, err := v.data.get(ctx, w)
	if err != nil {
		return nil, err
	}
	if err := m.check(ctx, ds, v.plan.Layout); err != nil {
		return nil, err
	}
	before := v.at.Samples
	f, err := m.extract(ctx, &v.plan, ds, func(done int) {
		v.at.Samples = before + done
		v.reportProgress(what)
	})
	if err != nil {
		return nil, err
	}
	v.at.Units++
	v.reportProgress(what)
	return f, nil
}

// Settings returns what the scores depend on besides the models and their tensors.
func (v *Validator) Settings(ctx context.Context) (*result.Settings, error) {
	plan := v.plan
	plan.Tensor = ""
	return newSettings(ctx, &plan)
}
