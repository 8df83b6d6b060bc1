package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/probe"
)

// Validator scores models on clean validation data as [Run] does to choose alpha. Every
// probe starts anew, so that a score depends on the model alone.
type Validator struct{ run }

// NewValidator returns a validator. Of plan, what is for testing is not used: Variants,
// Tensor, Test, Suite, Corruptions, Severities and Group. models is how many will be
// scored, for progress, which may be nil.
func NewValidator(plan Plan, models int, progress func(Progress)) (*Validator, error) {
	if plan.Train == nil {
		return nil, errors.New("training data is needed")
	}
	plan.Test, plan.Fit.Init = nil, nil
	if err := plan.checkLabels(); err != nil {
		return nil, err
	}
	v := &Validator{run{plan: plan, progress: progress, started: time.Now()}}
	if err := v.hold(); err != nil {
		return nil, err
	}
	v.at.TotalUnits, v.at.TotalSamples = models*v.passes(), models*v.samples()
	return v, nil
}

// Score fits a probe on the training data's features, the named output of the model, and
// returns how it does on validation data, and how the fit went. The two never share a
// sample.
func (v *Validator) Score(ctx context.Context, model Variant, tensor string) (*Score, *probe.FitReport, error) {
	v.plan.Tensor = tensor
	members, err := v.open(ctx, []Variant{model})
	defer closeAll(members)
	if err != nil {
		return nil, nil, err
	}
	if err := v.checkInput(ctx, members); err != nil {
		return nil, nil, err
	}
	train, val, err := v.extract(ctx, members)
	if err != nil {
		return nil, nil, err
	}
	v.tell(model.ID() + ": probe")
	score, report, err := v.validate(ctx, train[0], val[0])
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", model.ID(), err)
	}
	return score, report, nil
}

// Settings describes what the scores depend on, beside the models and their tensors.
func (v *Validator) Settings(ctx context.Context) (*Settings, error) {
	plan := v.plan
	plan.Tensor, plan.Corruptions, plan.Severities = "", nil, nil
	return newSettings(ctx, &plan)
}

// validate scores a probe on val, or on what is held back of train.
func (v *Validator) validate(ctx context.Context, train, val *probe.Features) (*Score, *probe.FitReport, error) {
	if val == nil {
		_, report, score, err := v.fitHeld(ctx, train, v.plan.Fit)
		return score, &report, err
	}
	cl, report, err := probe.Fit(ctx, train, v.plan.Fit)
	if err != nil {
		return nil, nil, err
	}
	score, err := NewScore(cl, val)
	return score, &report, err
}

// checkInput finds out before data passes that a model cannot take it.
func (v *Validator) checkInput(ctx context.Context, members []*member) error {
	var s datasets.Sample
	if err := v.plan.Train.Read(ctx, &s, 0); err != nil {
		return err
	}
	for _, m := range members {
		if err := probe.CheckInput(m.ex.Input(), v.plan.Layout, &s); err != nil {
			return fmt.Errorf("%s: %s: sample 0 %w", m.ID(), v.plan.Train.Info().Name, err)
		}
	}
	return nil
}
