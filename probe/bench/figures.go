package bench

import (
	"maps"
	"slices"

	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/bench/unit"
	"github.com/wiseft/wiseft/probe/metric"
)

// addScore records the score of a test condition in t.
func addScore(t *result.Tested, c unit.Cell, score *result.Score) {
	if c.Corruption == "" {
		t.Clean = score
		return
	}
	res := t.Corruptions[c.Corruption]
	if res == nil {
		res = &result.Corruption{OA: result.Unknown(), CE: result.Unknown(), RCE: result.Unknown()}
		for i := range res.OABySeverity {
			res.OABySeverity[i] = result.Unknown()
		}
		t.Corruptions[c.Corruption] = res
	}
	res.OABySeverity[c.Severity-1] = score.OA
	res.BySeverity[c.Severity-1] = score
}

// summarize sets the figures of t over severities, and those over the whole suite to unknown. ref may be nil.
func summarize(t *result.Tested, ref *metric.Reference) {
	t.MOA, t.MCE, t.RMCE, t.ErrorRate = result.Unknown(), result.Unknown(), result.Unknown(), result.Unknown()
	t.Exact = result.Exact{MOA: result.Unknown(), MCE: result.Unknown(), RMCE: result.Unknown()}
	for name, c := range t.Corruptions {
		summarizeCorruption(c, name, bySeverity(c), float64(t.Clean.OA), ref)
	}
}

// bySeverity returns the accuracies under a corruption, NaN where a severity was not run.
func bySeverity(c *result.Corruption) []float64 {
	oa := make([]float64, 0, metric.Severities)
	for _, v := range c.OABySeverity {
		oa = append(oa, float64(v))
	}
	return oa
}

// summarizeSuite sets t's figures over a suite that was run whole, and reports whether they are defined. ref may be
// nil.
func summarizeSuite(t *result.Tested, ref *metric.Reference) bool {
	// The mean over cells is the mean over corruptions: all have five severities.
	t.Exact.MOA = meanAccuracy(t)
	t.MOA, t.ErrorRate = t.Exact.MOA, 1-t.Exact.MOA
	if ref == nil {
		return true
	}
	all := make(map[string][]float64)
	for name, c := range t.Corruptions {
		all[name] = bySeverity(c)
	}
	official, err := ref.Official(float64(t.Clean.OA), all)
	if err != nil {
		return false
	}
	exact, err := ref.Exact(float64(t.Clean.OA), all)
	if err != nil {
		return false
	}
	t.MOA, t.MCE, t.RMCE = result.Number(official.MOA), result.Number(official.MCE), result.Number(official.RMCE)
	t.Exact = result.Exact{MOA: result.Number(exact.MOA), MCE: result.Number(exact.MCE), RMCE: result.Number(exact.RMCE)}
	return true
}

// meanAccuracy returns the mean accuracy over all corruptions and severities that were run.
func meanAccuracy(t *result.Tested) result.Number {
	sum, n := 0.0, 0
	for _, name := range slices.Sorted(maps.Keys(t.Corruptions)) { // in a fixed order, for equal bits
		for _, oa := range t.Corruptions[name].OABySeverity {
			if oa.Known() {
				sum, n = sum+float64(oa), n+1
			}
		}
	}
	return result.Number(sum / float64(n))
}

func summarizeCorruption(c *result.Corruption, name string, oa []float64, clean float64, ref *metric.Reference) {
	if ref != nil {
		if e, err := ref.OfficialCorruption(name, clean, oa); err == nil {
			c.OA, c.CE, c.RCE = result.Number(e.OA), result.Number(e.CE), result.Number(e.RCE)
			return
		}
	}
	sum := 0.0
	for _, v := range oa {
		sum += v // NaN where a severity was not run: the mean is then unknown
	}
	c.OA = result.Number(sum / metric.Severities)
}

// brief returns s without its confusion matrix, which tables of many models do not show.
func brief(s *result.Score) *result.Score {
	s.Confusion = nil
	return s
}
