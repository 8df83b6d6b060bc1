package bench

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/bench/choose"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/bench/unit"
	"github.com/wiseft/wiseft/probe/metric"
)

// scoreBuilder makes the result of a plan with a score of the user's own.
type scoreBuilder struct {
	*builder
	scoring result.Scoring
}

// setScores are a variant's scores on a validation or test set, by condition.
type setScores []*result.Scored

// build makes the result: models, choice and comparisons.
func (b scoreBuilder) build(ctx context.Context) (*result.Result, error) {
	b.note(fmt.Sprintf("figures are scores by %q, no accuracies; %s", b.scoring.Command, b.scoring.Direction()))
	models := b.spec.Models()
	candidates, tests := make([]choose.Candidate, len(models)), make([]setScores, len(models))
	for v := range models {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m := b.newModel(v)
		var err error
		if candidates[v], err = b.validate(m, v); err != nil {
			return nil, err
		}
		if tests[v], err = b.test(m, v); err != nil {
			return nil, err
		}
		if b.spec.Settings.Choose.OnTest {
			candidates[v].Vals = []choose.Answers{b.answers(tests[v])}
		}
		b.result.Models = append(b.result.Models, m)
	}
	b.choose(candidates)
	b.compare(tests)
	b.pareto()
	return b.result, nil
}

// scoresOf loads the scores of a variant on a validation or test set.
func (b scoreBuilder) scoresOf(v int, role unit.Role, set int) (list setScores, err error) {
	sets := b.spec.Tests
	if role == unit.Validation {
		sets = b.spec.Vals
	}
	for c, cell := range sets[set].Cells {
		w := unit.View{Role: role, Set: set, Cell: c}
		var s *result.Scored
		ok, err := loadUnit(b.folder, b.event, unit.Scores, b.spec.Scores(v, w), func(in io.ReaderAt, size int64) (err error) {
			if s, err = result.ReadScored(in, size); err == nil && s.N != cell.N {
				err = fmt.Errorf("the score is of %d samples, and there are %d", s.N, cell.N)
			}
			return err
		})
		if err == nil && !ok {
			err = &missingError{b.spec.Variants[v].ID + ": " + b.spec.Name(w)}
		}
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

// validate sets the figures that the choice is made by.
func (b scoreBuilder) validate(m *result.Model, v int) (c choose.Candidate, err error) {
	for _, p := range m.Params {
		c.Params = append(c.Params, p.Value)
	}
	for i, set := range b.spec.Vals {
		list, err := b.scoresOf(v, unit.Validation, i)
		if err != nil {
			return c, err
		}
		if i == 0 {
			m.Validation = list[0].Score()
		} else {
			m.MoreValidation = append(m.MoreValidation, list[0].Score())
		}
		if name := b.spec.Settings.Choose.Val; name == "" || name == set.Name {
			c.Vals = append(c.Vals, b.answers(list))
		}
	}
	m.ValidationRobustness = known(b.scoring.Better(c.Robustness()))
	return c, nil
}

// known returns a figure; nil for none.
func known(v float64) *result.Number {
	if n := result.Number(v); n.Known() {
		return &n
	}
	return nil
}

// answers returns scores as a rule uses them: the higher one is better.
func (b scoreBuilder) answers(list setScores) choose.Answers {
	s := &choose.Scores{Clean: b.scoring.Better(list[0].Value), CleanSamples: b.better(list[0].Samples)}
	if len(list) > 1 {
		corrupted := b.scoring.Better(list[1:].mean())
		s.Corrupted, s.CorruptedSamples = &corrupted, b.better(list[1:].samples())
	}
	return choose.Answers{Scores: s}
}

func (b scoreBuilder) better(values []float64) []float64 {
	if values == nil {
		return nil
	}
	list := make([]float64, len(values))
	for i, v := range values {
		list[i] = b.scoring.Better(v)
	}
	return list
}

// mean returns the mean over conditions, which are one or more.
func (l setScores) mean() float64 {
	sum := 0.0
	for _, s := range l {
		sum += s.Value
	}
	return sum / float64(len(l))
}

// samples returns the mean over conditions of every sample's part; nil where one is not known.
func (l setScores) samples() []float64 {
	if len(l) == 0 {
		return nil
	}
	mean := make([]float64, l[0].N)
	for _, s := range l {
		if s.Samples == nil {
			return nil
		}
		for i, v := range s.Samples {
			mean[i] += v / float64(len(l))
		}
	}
	return mean
}

// under returns the scores under one corruption.
func (l setScores) under(corruption string, cells []unit.Cell) (list setScores) {
	for c, cell := range cells {
		if cell.Corruption == corruption {
			list = append(list, l[c])
		}
	}
	return list
}

// test sets the figures of a variant on test data, and returns its scores on the first test set.
func (b scoreBuilder) test(m *result.Model, v int) (first setScores, err error) {
	for t := range b.spec.Tests {
		list, err := b.scoresOf(v, unit.OnTest, t)
		if err != nil {
			return nil, err
		}
		tested := b.tested(t, list)
		if t > 0 {
			m.MoreTests = append(m.MoreTests, tested)
			continue
		}
		first, m.Tested, m.ModelSHA256 = list, *tested, list[0].Of.ModelSHA256
	}
	return first, nil
}

// tested returns the figures of scores on a test set.
func (b scoreBuilder) tested(t int, list setScores) *result.Tested {
	set := b.spec.Tests[t]
	res := &result.Tested{Name: set.Name, Corruptions: map[string]*result.Corruption{},
		Intervals: &result.TestIntervals{Clean: interval(list[:1].samples())}}
	for c, cell := range set.Cells {
		addScore(res, cell, list[c].Score())
	}
	summarize(res, nil)
	if len(list) == 1 {
		return res
	}
	res.CorruptedScore = known(list[1:].mean())
	if ends := interval(list[1:].samples()); ends[0].Known() {
		res.Intervals.CorruptedScore = &ends
	}
	for name, c := range res.Corruptions {
		c.Score = known(list.under(name, set.Cells).mean())
	}
	return res
}

// interval returns Student's interval of the mean over samples; unknown without them.
func interval(samples []float64) [2]result.Number {
	if samples == nil {
		return [2]result.Number{result.Unknown(), result.Unknown()}
	}
	return ends(metric.MeanInterval(samples, result.ConfidenceLevel))
}

// choose applies the rule of the plan.
func (b scoreBuilder) choose(list []choose.Candidate) {
	c := b.chosen(list)
	if b.result.Chosen = c; c == nil || c.ByConvention() {
		return
	}
	choice := b.spec.Settings.Choose
	value := b.scoring.Better(float64(c.Validation))
	c.Rule, c.Validation, c.ValidationScore = choice.DocOfScores(), result.Unknown(), known(value)
	if c.Robustness != nil {
		c.Robustness = known(b.scoring.Better(float64(*c.Robustness)))
	}
	if choice.OnTest {
		b.note(onTestNote)
	}
}

// compare compares all models with the chosen or first one, sample by sample, where the samples' parts are known.
func (b scoreBuilder) compare(tests []setScores) {
	stats := &result.Statistics{Level: result.ConfidenceLevel, Flips: signFlips, Resamples: resamples,
		Seed: statisticsSeed, Comparisons: []*result.Comparison{}}
	b.result.Statistics = stats
	against := 0
	for v, m := range b.result.Models {
		if b.result.Chosen != nil && m.ID == b.result.Chosen.ID {
			against = v
		}
	}
	base := tests[against]
	if len(tests) < 2 || len(tests) > maxCompared || base[0].Samples == nil {
		return
	}
	stats.Against = b.result.Models[against].ID
	var cleans, corrupted []*result.Difference
	for v, list := range tests {
		if v == against || list[0].Samples == nil {
			continue
		}
		c := &result.Comparison{A: stats.Against, B: b.result.Models[v].ID,
			Clean: compareMeans(base[0].Samples, list[0].Samples)}
		cleans = append(cleans, c.Clean)
		if x, y := base[1:].samples(), list[1:].samples(); x != nil && y != nil {
			c.CorruptedScore = compareMeans(x, y)
			corrupted = append(corrupted, c.CorruptedScore)
		}
		stats.Comparisons = append(stats.Comparisons, c)
	}
	holm(cleans)
	holm(corrupted)
	b.compareCorrections(tests)
}

// compareCorrections compares mixes with corrected statistics with those that they correct.
func (b scoreBuilder) compareCorrections(tests []setScores) {
	var cleans, corrupted []*result.Difference
	for v, m := range b.result.Models {
		plain := slices.IndexFunc(b.result.Models, m.Corrects)
		if plain < 0 || tests[v][0].Samples == nil || tests[plain][0].Samples == nil {
			continue
		}
		c := &result.Comparison{A: m.ID, B: b.result.Models[plain].ID,
			Clean: compareMeans(tests[v][0].Samples, tests[plain][0].Samples)}
		cleans = append(cleans, c.Clean)
		if x, y := tests[v][1:].samples(), tests[plain][1:].samples(); x != nil && y != nil {
			c.CorruptedScore = compareMeans(x, y)
			corrupted = append(corrupted, c.CorruptedScore)
		}
		b.result.Statistics.Corrections = append(b.result.Statistics.Corrections, c)
	}
	holm(cleans)
	holm(corrupted)
}

// pareto lists the models that no other exceeds in both figures, where data was corrupted.
func (b scoreBuilder) pareto() {
	var clean, robust []float64
	for _, m := range b.result.Models {
		if m.CorruptedScore == nil {
			return
		}
		clean = append(clean, b.scoring.Better(float64(*m.Clean.Score)))
		robust = append(robust, b.scoring.Better(float64(*m.CorruptedScore)))
	}
	for _, i := range metric.Pareto(clean, robust) {
		b.result.Pareto = append(b.result.Pareto, b.result.Models[i].ID)
	}
}

// comparedOn compares two variants on a test set.
func (b scoreBuilder) comparedOn(t, va, vb int) (*result.ComparedOn, error) {
	la, err := b.scoresOf(va, unit.OnTest, t)
	if err != nil {
		return nil, err
	}
	lb, err := b.scoresOf(vb, unit.OnTest, t)
	if err != nil {
		return nil, err
	}
	set := b.spec.Tests[t]
	on := &result.ComparedOn{Test: set.Name, N: la[0].N, Scores: true, Corruptions: map[string]*result.Difference{}}
	compared := func(x, y setScores) (*result.Difference, error) {
		sx, sy := x.samples(), y.samples()
		if sx == nil || sy == nil {
			return nil, fault.Inputf("the command of --score printed no score of each sample, which a paired test needs")
		}
		d := compareMeans(sx, sy)
		d.PHolm = d.P
		return d, nil
	}
	if on.Clean, err = compared(la[:1], lb[:1]); err != nil || len(la) == 1 {
		return on, err
	}
	var list []*result.Difference
	for _, name := range b.spec.Settings.Corruptions {
		d, err := compared(la.under(name, set.Cells), lb.under(name, set.Cells))
		if err != nil {
			return nil, err
		}
		on.Corruptions[name] = d
		list = append(list, d)
	}
	holm(list)
	on.CorruptedScore, err = compared(la[1:], lb[1:])
	return on, err
}
