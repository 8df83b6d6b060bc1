package bench

import (
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/datasets/corrupt"
	"github.com/wiseft/wiseft/probe/metric"
)

const (
	// signFlips lets p-values be told down to 1e-4.
	signFlips = 10000
	// resamples makes the ends of an interval steady to about a tenth of its width.
	resamples = 1000
	// statisticsSeed is the same for all models, so that equal differences have equal p-values.
	statisticsSeed = 1
	// maxCompared bounds the time that comparisons take.
	maxCompared = 100
)

// Statistics say how sure the figures are.
type Statistics struct {
	Level     float64 `json:"level"`     // of all intervals
	Flips     int     `json:"flips"`     // of random signs, for the p-values of suites
	Resamples int     `json:"resamples"` // of clouds, for the bootstrap of differences
	Seed      uint64  `json:"seed"`      // of both
	// Against is the model that all others are compared with: the chosen one, or else the
	// first; "" if there are too few models, or too many.
	Against     string        `json:"against"`
	Comparisons []*Comparison `json:"comparisons"`
}

// Comparison is how two models differ on the first test set, on the same samples.
type Comparison struct {
	A     string      `json:"a"`
	B     string      `json:"b"`
	Clean *Difference `json:"clean"`
	// MOA is the difference under the whole suite; nil if only a part was run.
	MOA *Difference `json:"moa"`
}

// Difference is that of a figure, A - B.
type Difference struct {
	Difference Number `json:"difference"`
	// Interval is Tango's for clean data, and Student's of the clouds' differences for a suite.
	Interval [2]Number `json:"interval"`
	// Bootstrap is the interval by the paired bootstrap over the clouds, each with all its
	// corruptions. It covers less where models differ on a handful of clouds.
	Bootstrap [2]Number `json:"bootstrap"`
	// P is that of McNemar's test (mid-p) for clean data, and of random signs by cloud for a
	// suite; PHolm is adjusted for how many comparisons were made of the figure.
	P     Number `json:"p"`
	PHolm Number `json:"p_holm"`
	Test  string `json:"test"`
}

const (
	mcNemarTest  = "McNemar, mid-p"
	signFlipTest = "random signs by cloud"
)

// TestIntervals are the intervals of a test set's figures: low and high ends. That of clean
// accuracy is Wilson's; those over a suite count clouds, each with all its corruptions, as one
// answer or less; see [metric.CloudFigures.Intervals].
// They are nil unless the suite was run whole.
type TestIntervals struct {
	Clean       [2]Number            `json:"clean"`
	MOA         *[2]Number           `json:"moa"`
	MCE         *[2]Number           `json:"mce"`
	RMCE        *[2]Number           `json:"rmce"`
	Corruptions map[string][2]Number `json:"corruptions,omitempty"`
}

func ends(i metric.Interval) [2]Number { return [2]Number{Number(i.Low), Number(i.High)} }

// suite returns the figures of a test set cloud by cloud; nil if the suite is not whole.
// Without a reference, corruption errors are those against one that has nothing right.
func (b *builder) suite(t int, r *answers) *metric.CloudFigures {
	s := b.spec.Settings
	suite, ok := corrupt.LookupSuite(s.Suite)
	if !ok {
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

// intervals returns those of a test set. suite may be nil.
func (b *builder) intervals(r *answers, suite *metric.CloudFigures) *TestIntervals {
	n := len(r.right[0])
	res := &TestIntervals{Clean: ends(metric.AccuracyInterval(countRight(r.right[0]), n, confidenceLevel))}
	if suite == nil {
		return res
	}
	figures := suite.Intervals(confidenceLevel)
	moa := ends(figures.MOA)
	res.MOA = &moa
	if b.ref != nil {
		mce, rmce := ends(figures.MCE), ends(figures.RMCE)
		res.MCE, res.RMCE = &mce, &rmce
	}
	res.Corruptions = map[string][2]Number{}
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

// compareTo decides with which model all others are compared, and loads what it has right.
func (b *builder) compareTo() (err error) {
	stats := &Statistics{Level: confidenceLevel, Flips: signFlips, Resamples: resamples, Seed: statisticsSeed, Comparisons: []*Comparison{}}
	b.result.Statistics, b.against = stats, -1
	n := len(b.spec.Variants)
	if n > maxCompared {
		b.note(fmt.Sprintf("more than %d models are not compared with each other; see wiseft compare", maxCompared))
	}
	if n < 2 || n > maxCompared {
		return nil
	}
	b.against = 0
	if b.result.Chosen != nil {
		b.against = slices.IndexFunc(b.spec.Variants, func(v VariantSpec) bool { return v.ID == b.result.Chosen.ID })
	}
	stats.Against = b.spec.Variants[b.against].ID
	if b.base, err = b.right(b.against, 0); err != nil {
		return err
	}
	b.suite0 = b.suite(0, b.base)
	return nil
}

// compare compares a model with the one that was chosen for it.
func (b *builder) compare(m *ModelResult, r *answers) {
	if b.against < 0 || m.ID == b.result.Statistics.Against {
		return
	}
	c := &Comparison{A: b.result.Statistics.Against, B: m.ID, Clean: compareAccuracy(b.base.right[0], r.right[0])}
	if suite := b.suite(0, r); suite != nil {
		c.MOA = compareMeans(b.suite0.MOA, suite.MOA)
	}
	b.result.Statistics.Comparisons = append(b.result.Statistics.Comparisons, c)
}

// compareAccuracy compares two models on independent samples.
func compareAccuracy(a, b []bool) *Difference {
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
	return &Difference{
		Difference: Number(meanOf(d)),
		Interval:   ends(metric.AccuracyDifference(onlyA, onlyB, len(a), confidenceLevel)), Bootstrap: bootstrap(d),
		P: Number(metric.McNemar(onlyA, onlyB)), Test: mcNemarTest,
	}
}

// compareMeans compares two models by a figure that is the mean of what each cloud gives.
func compareMeans(a, b []float64) *Difference {
	d := metric.Differences(a, b)
	return &Difference{
		Difference: Number(meanOf(d)),
		Interval:   ends(metric.MeanInterval(d, confidenceLevel)), Bootstrap: bootstrap(d),
		P: Number(metric.SignFlip(d, signFlips, statisticsSeed)), Test: signFlipTest,
	}
}

func meanOf(d []float64) float64 {
	sum := 0.0
	for _, v := range d {
		sum += v
	}
	return sum / float64(len(d))
}

// bootstrap returns the interval of the mean difference of two models by resampling what they
// differ by in each cloud. The draws are the same for all figures of as many clouds.
func bootstrap(d []float64) [2]Number {
	return ends(metric.Bootstrap(len(d), resamples, confidenceLevel, statisticsSeed, func(idx []int) float64 {
		sum := 0.0
		for _, i := range idx {
			sum += d[i]
		}
		return sum / float64(len(idx))
	}))
}

// finish sets what needs the figures of all models.
func (b *builder) finish() {
	var cleans, moas []*Difference
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

// BaselineResult is the line of effective robustness: logit(mOA) = Slope logit(clean) +
// Intercept, through the accuracies of Models.
type BaselineResult struct {
	Models    []string `json:"models"`
	Slope     Number   `json:"slope"`
	Intercept Number   `json:"intercept"`
	R2        Number   `json:"r2"`
	Note      string   `json:"note,omitempty"`
}

// effective sets the effective robustness of all models, where there is a line to measure it
// from.
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
		b.note("effective robustness is not measured: " + ids[0] + " and " + ids[1] + " are alike in clean accuracy, so no line is told by them; name others with --baseline")
		return
	}
	line, err := metric.FitBaseline(clean, robust, samples, samples)
	if err != nil {
		return // fewer than two models, or of one accuracy: there is no line
	}
	b.result.Baseline = &BaselineResult{ids, Number(line.Slope), Number(line.Intercept), Number(line.R2), ""}
	if len(ids) < 3 {
		b.result.Baseline.Note = "a line through two models; name more with --baseline for one that means something"
	}
	for _, m := range b.result.Models {
		if m.Exact.MOA.Known() {
			e := Number(line.Effective(float64(m.Clean.OA), float64(m.Exact.MOA), samples))
			m.EffectiveRobustness = &e
		}
	}
}

// alike reports whether the intervals of two models' clean accuracies overlap: a line through
// such a pair may point anywhere.
func alike(models []*ModelResult, ids []string) bool {
	var at []*ModelResult
	for _, m := range models {
		if slices.Contains(ids, m.ID) {
			at = append(at, m)
		}
	}
	a, b := at[0].Intervals.Clean, at[1].Intervals.Clean
	return a[0] <= b[1] && b[0] <= a[1]
}

// isBaseline reports whether a model belongs to the baseline: it is named, or, if none is,
// it is an end of the mixes.
func (b *builder) isBaseline(m *ModelResult) bool {
	if names := b.spec.Settings.Baselines; len(names) > 0 {
		return slices.Contains(names, m.ID)
	}
	return m.Alpha != nil && len(m.Params) == 1 && (*m.Alpha == 0 || *m.Alpha == 1)
}
