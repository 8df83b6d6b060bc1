package bench

import (
	"context"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/bench/unit"
	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/store"
)

// Scorer gives outputs of a model a score, which takes the place of accuracy.
type Scorer interface {
	// Scoring describes the score: all that it depends on besides the outputs.
	Scoring() result.Scoring
	// Score returns the score of outputs, rows of the plan's tensor with the labels of the samples. They are not kept.
	Score(ctx context.Context, outputs *feature.Set) (value float64, samples []float64, err error)
}

// scored returns the score of outputs.
func scored(ctx context.Context, s Scorer, outputs *feature.Set) (*result.Scored, error) {
	if s == nil {
		return nil, fault.New(fault.Failed, "a score is missing, and stored results do not run commands").
			WithHint("run the command that measures again")
	}
	value, samples, err := s.Score(ctx, outputs)
	if err != nil {
		return nil, err
	}
	res := &result.Scored{Value: value, Samples: samples, N: outputs.Len(), Of: outputs.Meta}
	if err := res.Check(); err != nil {
		return nil, fault.New(fault.Failed, "--score: %w", err)
	}
	return res, nil
}

// scoreOutputs stores the score of the outputs of a unit.
func (r *run) scoreOutputs(ctx context.Context, key store.Key, outputs *feature.Set) error {
	s, err := scored(ctx, r.plan.Score, outputs)
	if err != nil {
		return err
	}
	return r.folder.Save(unit.Scores, key, s.Write)
}

// checkScore returns an error if a plan has what a score of the user's own has no use for.
func (p *Plan) checkScore() error {
	switch {
	case p.Score == nil:
		return nil
	case !p.OwnHead:
		return fault.Usagef("a score is of the model's own outputs, and not of a probe")
	case len(p.Transfers) > 0:
		return fault.Usagef("protocols measure features by accuracy, and a score of your own takes its place")
	case p.Reference != nil || len(p.Baselines) > 0:
		return fault.Usagef("references and baselines are of accuracies, and a score of your own takes their place")
	}
	return nil
}
