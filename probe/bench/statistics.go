package bench

import (
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/datasets/corrupt"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/bench/unit"
	"github.com/wiseft/wiseft/probe/metric"
)

const (
	// signFlips allows p-values down to 1e-4.
	signFlips = 10000
	// resamples makes the ends of an interval reproducible to about a tenth of its width.
	resamples = 1000
	// statisticsSeed is the same for all models, so that equal differences have equal p-values.
	statisticsSeed = 1
	// maxCompared bounds the time of comparisons.
	maxCompared = 100
)

const (
	mcNemarTest  = "McNemar, mid-p"
	signFlipTest = "random signs by cloud"
)

func ends(i metric.Interval) [2]result.Number {
	return [2]result.Number{result.Number(i.Low), result.Number(i.High)}
}

// suite returns the figures of a test set cloud by cloud; nil unless the suite was run whole. Without a reference,
// corruption errors are relative to a classifier that is always wrong.
func (b *builder) suite(t int, r *answers) *metric.CloudFigures {
	s := b.spec.Settings
	suite, err := corrupt.LookupSuite(s.Suite)
	if err != nil {
		return nil
	}
	ref := metric.Reference{Name: s.Suite, Clean: 1, Corruptions: suite.Corruptions}
	if b.ref != nil {
		ref = *b.ref
	}
	bySeverity := map[string][][]bool{}
	for c, cell := range b.spec.Tests[t].Cells {
		if cell.Corruption != "" {
			bySeverity[cell.Corruption] = append(bySeverity[cell.Corruption], r.right[c])
		}
	}
	f, err := ref.Clouds(r.right[0], bySeverity)
	if err != nil {
		return nil
	}
	return &f
}

// intervals returns the intervals of a test set. suite may be nil.
func (b *builder) intervals(r *answers, suite *metric.CloudFigures) *result.TestIntervals {
	n := len(r.right[0])
	res := &result.TestIntervals{Clean: ends(metric.AccuracyInterval(countRight(r.right[0]), n, result.ConfidenceLevel))}
	if suite == nil {
		return res
	}
	figures := suite.Intervals(result.ConfidenceLevel)
	moa := ends(figures.MOA)
	res.MOA = &moa
	if b.ref != nil {
		mce, rmce := ends(figures.MCE), ends(figures.RMCE)
		res.MCE, res.RMCE = &mce, &rmce
	}
	res.Corruptions = map[string][2]result.Number{}
	for _, name := range b.spec.Settings.Corruptions {
		res.Corruptions[name] = ends(figures.OA[name])
	}
	return res
}

func countRight(right []bool) (n int) {
	for _, ok := range right {
		if ok {
			n++
		}
	}
	return n
}

// compareTo chooses the model with which all others are compared, and loads its answers.
func (b *builder) compareTo() (err error) {
	stats := &result.Statistics{Level: result.ConfidenceLevel, Flips: signFlips, Resamples: resamples,
		Seed: statisticsSeed, Comparisons: []*result.Comparison{}}
	b.result.Statistics, b.against = stats, -1
	n := len(b.spec.Models())
	if n > maxCompared {
		b.note(fmt.Sprintf("differences are not tested, since there are more than %d models; see wiseft compare",
			maxCompared))
	}
	if n < 2 || n > maxCompared {
		return nil
	}
	b.against = 0
	if b.result.Chosen != nil {
		b.against = slices.IndexFunc(b.spec.Variants, func(v unit.Variant) bool { return v.ID == b.result.Chosen.ID })
	}
	stats.Against = b.spec.Variants[b.against].ID
	if b.base, err = b.answersOf(b.against, unit.OnTest, 0); err != nil {
		return err
	}
	b.suite0 = b.suite(0, b.base)
	return nil
}

// compare compares a model with the one that compareTo chose.
func (b *builder) compare(m *result.Model, r *answers) {
	if b.against < 0 || m.ID == b.result.Statistics.Against {
		return
	}
	c := &result.Comparison{A: b.result.Statistics.Against, B: m.ID, Clean: compareAccuracy(b.base.right[0], r.right[0])}
	if suite := b.suite(0, r); suite != nil {
		c.MOA = compareMeans(b.suite0.MOA, suite.MOA)
	}
	b.result.Statistics.Comparisons = append(b.result.Statistics.Comparisons, c)
}

// compareCorrections compares mixes with corrected statistics with those that they correct.
func (b *builder) compareCorrections() error {
	if b.against < 0 {
		return nil
	}
	var cleans, moas []*result.Difference
	for v, m := range b.result.Models {
		plain := slices.IndexFunc(b.result.Models, m.Corrects)
		if plain < 0 {
			continue
		}
		on, err := b.comparedOn(0, v, plain)
		if err != nil {
			return err
		}
		b.result.Statistics.Corrections = append(b.result.Statistics.Corrections,
			&result.Comparison{A: m.ID, B: b.result.Models[plain].ID, Clean: on.Clean, MOA: on.MOA})
		if cleans = append(cleans, on.Clean); on.MOA != nil {
			moas = append(moas, on.MOA)
		}
	}
	holm(cleans)
	holm(moas)
	return nil
}

// compareAccuracy compares two models on independent samples.
func compareAccuracy(a, b []bool) *result.Difference {
	onlyA, onlyB := metric.Discordant(a, b)
	d := make([]float64, len(a))
	for i := range d {
		switch {
		case a[i] && !b[i]:
			d[i] = 1
		case b[i] && !a[i]:
			d[i] = -1
		}
	}
	return &result.Difference{
		Difference: result.Number(meanOf(d)),
		Interval:   ends(metric.AccuracyDifference(onlyA, onlyB, len(a), result.ConfidenceLevel)), Bootstrap: bootstrap(d),
		P: result.Number(metric.McNemar(onlyA, onlyB)), Test: mcNemarTest,
	}
}

// compareMeans compares two models by a figure that is a mean over the clouds.
func compareMeans(a, b []float64) *result.Difference {
	d := metric.Differences(a, b)
	return &result.Difference{
		Difference: result.Number(meanOf(d)),
		Interval:   ends(metric.MeanInterval(d, result.ConfidenceLevel)), Bootstrap: bootstrap(d),
		P: result.Number(metric.SignFlip(d, signFlips, statisticsSeed)), Test: signFlipTest,
	}
}

func meanOf(d []float64) float64 {
	sum := 0.0
	for _, v := range d {
		sum += v
	}
	return sum / float64(len(d))
}

// bootstrap returns the interval of the mean difference of two models by resampling the clouds' differences. The
// draws depend on the number of clouds alone.
func bootstrap(d []float64) [2]result.Number {
	return ends(metric.Bootstrap(len(d), resamples, result.ConfidenceLevel, statisticsSeed, func(idx []int) float64 {
		sum := 0.0
		for _, i := range idx {
			sum += d[i]
		}
		return sum / float64(len(idx))
	}))
}

// summarizeModels sets the figures that depend on all models.
func (b *builder) summarizeModels() {
	var cleans, moas []*result.Difference
	for _, c := range b.result.Statistics.Comparisons {
		cleans = append(cleans, c.Clean)
		if c.MOA != nil {
			moas = append(moas, c.MOA)
		}
	}
	holm(cleans)
	holm(moas)
	var clean, robust []float64
	for _, m := range b.result.Models {
		clean, robust = append(clean, float64(m.Clean.OA)), append(robust, float64(m.Exact.MOA))
	}
	for _, i := range metric.Pareto(clean, robust) {
		b.result.Pareto = append(b.result.Pareto, b.result.Models[i].ID)
	}
	b.effective()
}

// effective sets the effective robustness of all models, if there is a baseline.
func (b *builder) effective() {
	var ids []string
	var clean, robust []float64
	samples := b.spec.Tests[0].Cells[0].N
	for _, m := range b.result.Models {
		if b.isBaseline(m) && m.Exact.MOA.Known() {
			ids = append(ids, m.ID)
			clean, robust = append(clean, float64(m.Clean.OA)), append(robust, float64(m.Exact.MOA))
		}
	}
	if len(ids) == 2 && alike(b.result.Models, ids) {
		b.note("effective robustness is not measured: " + ids[0] + " and " + ids[1] +
			" have the same clean accuracy, which does not determine a line; name others with --baseline")
		return
	}
	line, err := metric.FitBaseline(clean, robust, samples, samples)
	if err != nil {
		return // fewer than two models, or models of one accuracy: no line
	}
	b.result.Baseline = &result.Baseline{
		Models: ids, Slope: result.Number(line.Slope), Intercept: result.Number(line.Intercept), R2: result.Number(line.R2)}
	if len(ids) < 3 {
		b.result.Baseline.Note = "the line is fitted to two models, and so passes through both; name more with --baseline"
	}
	for _, m := range b.result.Models {
		if m.Exact.MOA.Known() {
			e := result.Number(line.Effective(float64(m.Clean.OA), float64(m.Exact.MOA), samples))
			m.EffectiveRobustness = &e
		}
	}
}

// alike reports whether the intervals of two models' clean accuracies overlap. The slope of a line through two such
// models is arbitrary.
func alike(models []*result.Model, ids []string) bool {
	var at []*result.Model
	for _, m := range models {
		if slices.Contains(ids, m.ID) {
			at = append(at, m)
		}
	}
	a, b := at[0].Intervals.Clean, at[1].Intervals.Clean
	return a[0] <= b[1] && b[0] <= a[1]
}

// isBaseline reports whether a model belongs to the baseline: it is named as one, or, if none is named, it is an end
// of the mixes.
func (b *builder) isBaseline(m *result.Model) bool {
	if names := b.spec.Settings.Baselines; len(names) > 0 {
		return slices.Contains(names, m.ID)
	}
	return m.IsAlpha(0) || m.IsAlpha(1)
}
