package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/graph"
	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/probe/bench"
)

// soupRun is one choice of a soup: the candidates, and what is found out about them.
type soupRun struct {
	c       *call
	paths   []string
	models  modelFiles
	tensors []string // the features of each
	opt     onnxmerge.Options
	rule    string
	strict  bool
	started time.Time

	validator *bench.Validator
	bar       *progress
	steps     []bench.SoupStep
	n         int // validation samples
	probe     bench.FitSettings
	notes     []string // what the user should know of the scores
}

// check finds out before anything is scored which tensors are features, and that all
// models can be averaged.
func (k *soupRun) check(ctx context.Context) error {
	all := make([]int, len(k.models))
	for i, m := range k.models {
		tensor, err := featureTensor(m.Model, k.c.String("output"))
		if err != nil {
			return fmt.Errorf("%s: %w", m.path, err)
		}
		k.c.sayFeatures(m.Model, tensor)
		k.tensors, all[i] = append(k.tensors, tensor), i
	}
	_, err := k.plan(ctx, all)
	return err
}

// order returns the models of an average as a merge takes them: the best one, which
// comes first in taken, is last, because everything else is copied from that. A merge
// takes two models at least, so one alone is merged with itself.
func order(taken []int) []int {
	if len(taken) == 1 {
		return []int{taken[0], taken[0]}
	}
	return append(append([]int(nil), taken[1:]...), taken[0])
}

// plan plans the average of models.
func (k *soupRun) plan(ctx context.Context, taken []int) (*onnxmerge.Plan, error) {
	opt := k.opt
	opt.Method = "uniform_soup"
	if len(taken) == 1 {
		opt.Method, opt.Params = "linear", method.Params{"alpha": 1.} // which copies bytes
	}
	var models []*graph.Model
	var paths []string
	for _, i := range order(taken) {
		models, paths = append(models, k.models[i].Model), append(paths, k.paths[i])
	}
	plan, err := onnxmerge.NewPlanOf(ctx, models, opt)
	return plan, namePair(err, paths)
}

// choose scores the models and averages of them, and keeps what the rule takes.
func (k *soupRun) choose(ctx context.Context, plan bench.Plan) (err error) {
	k.bar = k.c.newProgress("scoring", "clouds")
	defer k.bar.end()
	scores := 2*len(k.models) - 1 // each alone, and each but the best in an average
	k.validator, err = bench.NewValidator(ctx, plan, scores, func(p bench.Progress) {
		k.bar.describe(fmt.Sprintf("%s (%d/%d)", p.What, p.Units, p.TotalUnits))
		k.bar.set(p.Samples, p.TotalSamples)
	})
	if err != nil {
		return err
	}
	k.steps, err = bench.GreedySoup(len(k.models), k.strict,
		func(models []int) (float64, error) { return k.score(ctx, models) }, k.tell)
	return err
}

// score returns the validation accuracy of a model or an average.
func (k *soupRun) score(ctx context.Context, models []int) (float64, error) {
	var variant bench.Variant = storedModel(k.paths[models[0]])
	if len(models) > 1 {
		plan, err := k.plan(ctx, models)
		if err != nil {
			return 0, err
		}
		variant = average{mix{base: plan, all: plan.Params, size: k.models[models[0]].SizeBytes(), say: k.c.say}, k.name(models)}
	}
	score, fit, err := k.validator.Score(ctx, variant, k.tensors[models[0]])
	if err != nil {
		return 0, err
	}
	if !fit.Converged {
		k.notes = append(k.notes, fmt.Sprintf("%s: the probe did not converge within %d iterations; gradient norm %.2g", variant.ID(), fit.Iterations, fit.GradientNorm))
	}
	k.n, k.probe = score.N, bench.FitSettings{Solver: fit.Solver, C: fit.C, Standardize: fit.Standardize}
	if len(models) == 1 {
		k.say(fmt.Sprintf("%s: %.4f", variant.ID(), score.OA))
	}
	return float64(score.OA), nil
}

// say writes one line of news over the bar.
func (k *soupRun) say(line string) {
	k.bar.end()
	k.c.say(line)
}

// tell says what was decided.
func (k *soupRun) tell(s bench.SoupStep) {
	verdict := "left out"
	if s.Taken {
		verdict = "taken"
	}
	k.say(fmt.Sprintf("soup with %s: %.4f, %s", k.paths[s.Model], s.Soup, verdict))
}

func (k *soupRun) name(models []int) string {
	var names []string
	for _, i := range models {
		names = append(names, k.paths[i])
	}
	return "average of " + strings.Join(names, ", ")
}

// average is the mean of some models, made in memory when it is needed.
type average struct {
	mix
	id string
}

// ID implements bench.Variant.
func (a average) ID() string { return a.id }

// Params implements bench.Variant.
func (average) Params() []bench.Param { return nil }
