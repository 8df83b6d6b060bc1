package bench

import (
	"context"
	"errors"
	"fmt"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/probe/bench/choose"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/bench/unit"
	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit"
)

// Validator scores models on clean validation data as [Run] does to choose alpha.
type Validator struct {
	plan     Plan
	held     *held
	progress func(Progress)
	at       Progress
}

// NewValidator returns a validator. Of plan, what is for testing is not used: Variants,
// Tensor, Tests, Suite, Corruptions, Severities and Choose. models is how many will be
// scored, for progress, which may be nil.
func NewValidator(ctx context.Context, plan Plan, models int, progress func(Progress)) (*Validator, error) {
	if plan.Train == nil {
		return nil, errors.New("training data is needed")
	}
	plan.Tests, plan.Corruptions, plan.Severities, plan.Choose, plan.Fit.Init = nil, nil, nil, choose.Choice{}, nil
	if err := plan.checkLabels(); err != nil {
		return nil, err
	}
	v := &Validator{plan: plan, progress: progress}
	var err error
	if v.held, err = newHeld(ctx, &v.plan); err != nil {
		return nil, err
	}
	for _, ds := range v.data() {
		v.at.TotalUnits += models
		v.at.TotalSamples += models * ds.Len()
	}
	return v, nil
}

// data lists what passes through every model.
func (v *Validator) data() []datasets.Dataset {
	list := []datasets.Dataset{v.plan.Train}
	if v.plan.Val != nil {
		list = append(list, v.plan.Val)
	}
	return list
}

func (v *Validator) tell(what string) {
	v.at.What = what
	if v.progress != nil {
		v.progress(v.at)
	}
}

// Score fits a probe on the training data's features, the named output of the model, and
// returns how it does on validation data, and how the fit went. The two never share a
// sample.
func (v *Validator) Score(ctx context.Context, model Variant, tensor string) (*result.Score, *fit.Report, error) {
	v.tell(model.ID() + ": model")
	m, err := open(ctx, v.plan.Engine, model, tensor)
	if err != nil {
		return nil, nil, err
	}
	defer m.ex.Close()
	train, err := v.extract(ctx, m, unit.View{Role: unit.Training})
	if err != nil {
		return nil, nil, err
	}
	fitted := train
	var val *feature.Set
	if v.plan.Val == nil {
		fitted, val = train.Subset(v.held.rest, restWhy), train.Subset(v.held.held, heldWhy)
	} else if val, err = v.extract(ctx, m, unit.View{Role: unit.Validation}); err != nil {
		return nil, nil, err
	}
	v.tell(model.ID() + ": probe")
	cl, err := fitFrom(ctx, fitted, v.plan.Fit, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", model.ID(), err)
	}
	score, err := result.NewScore(cl, val)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", model.ID(), err)
	}
	return score, cl.Meta.Fit, nil
}

// extract takes training or validation data through a model.
func (v *Validator) extract(ctx context.Context, m *openModel, w unit.View) (*feature.Set, error) {
	what := m.ID() + ": " + map[unit.Role]string{unit.Training: "training data", unit.Validation: "validation data"}[w.Role]
	ds, err := v.held.get(ctx, w)
	if err != nil {
		return nil, err
	}
	if err := m.check(ctx, ds, v.plan.Layout); err != nil {
		return nil, err
	}
	before := v.at.Samples
	f, err := m.extract(ctx, &v.plan, ds, func(done int) {
		v.at.Samples = before + done
		v.tell(what)
	})
	if err != nil {
		return nil, err
	}
	v.at.Units++
	v.tell(what)
	return f, nil
}

// Settings describes what the scores depend on, beside the models and their tensors.
func (v *Validator) Settings(ctx context.Context) (*result.Settings, error) {
	plan := v.plan
	plan.Tensor = ""
	return newSettings(ctx, &plan)
}
