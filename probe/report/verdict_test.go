package report

import (
	"strings"
	"testing"

	"github.com/wiseft/wiseft/probe/bench/result"
)

// Whatever models were compared, the verdict has the differences between the chosen model and the ends.
func TestVerdictSeesBothSides(t *testing.T) {
	t.Parallel()
	r := full()
	want := newVerdict(r)
	chosen := r.Chosen
	r.Chosen = nil
	r.Statistics.Comparisons = nil
	compareAll(r) // with the first model, as where test data decides
	r.Chosen = chosen
	got := newVerdict(r)
	const against = 2 // sentences are: the choice, the scores, against alpha 0, against alpha 1, …
	if !strings.HasPrefix(want.Sentences[against],
		"Against alpha 0 (pretrained) it changes clean accuracy by +17.9 points (+16.9 to +18.9; p < 0.001, significant)") {
		t.Errorf("got %q", want.Sentences[against])
	}
	if got.Sentences[against] != want.Sentences[against] {
		t.Errorf("got %q, want %q", got.Sentences[against], want.Sentences[against])
	}
	if s := got.Sentences[against+1]; !strings.HasSuffix(s, "the difference was not tested (see wiseft compare).") {
		t.Errorf("alpha 1 was not compared; got %q", s)
	}
}

func TestVerdictOfWhatOthersBeat(t *testing.T) {
	t.Parallel()
	r := full()
	r.Pareto = []string{"alpha=0.7"}
	if v := newVerdict(r); !strings.Contains(strings.Join(v.Sentences, " "), "it is not in the Pareto set") {
		t.Errorf("got %v", v.Sentences)
	}
}

func TestVerdictOfWhatWasNotToldApart(t *testing.T) {
	t.Parallel()
	v := newVerdict(full())
	for _, want := range []string{
		"−1.1 points (−2.1 to −0.1; p = 0.392, not significant) and mOA by +4.0 points (" +
			"+3.0 to +5.0; p < 0.001, significant)",
		"adjusted for 10 comparisons",
		"it is in the Pareto set",
		"Validation data decided for alpha 0.8, where it has 80.0 %",
		"Interval and adjusted p-value disagree for clean accuracy against alpha 1 (p = 0.039, adjusted 0.392)",
		"self-made modelnet-c corruptions",
	} {
		if !strings.Contains(strings.Join(v.Sentences, " "), want) {
			t.Errorf("the verdict does not say %q: %v", want, v.Sentences)
		}
	}
}

// differenceOf returns what the plain words are made of.
func differenceOf(d, low, high, holm float64) *result.Difference {
	n := func(points float64) result.Number { return result.Number(points / 100) }
	return &result.Difference{Difference: n(d), Interval: [2]result.Number{n(low), n(high)}, PHolm: result.Number(holm)}
}

func TestPlainVerdict(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		clean, moa *result.Difference
		want       string
	}{
		{differenceOf(0.4, -1, 1.8, 1), differenceOf(2.8, 1.9, 3.7, 0.0001),
			"Merging at alpha 0.8 keeps clean accuracy (+0.4 points, 95 % interval −1.0 to +1.8, not distinguishable) and makes the model " +
				"more robust (+2.8 points of mOA, 95 % interval +1.9 to +3.7)"},
		{differenceOf(-1, -9, 7, 1), differenceOf(1, -2, 4, 0.8),
			"Merging at alpha 0.8 does not measurably change clean accuracy (−1.0 points, 95 % interval −9.0 to +7.0, too few samples to " +
				"tell) and does not measurably change robustness (+1.0 points of mOA, 95 % interval −2.0 to +4.0)"},
		{differenceOf(-3, -5, -1, 0.01), differenceOf(2, 0.1, 4, 0.3),
			"Merging at alpha 0.8 loses clean accuracy (−3.0 points, 95 % interval −5.0 to −1.0) but probably makes the model more " +
				"robust (+2.0 points of mOA, 95 % interval +0.1 to +4.0)"},
		{differenceOf(3, 1, 5, 0.2), nil, "Merging at alpha 0.8 probably gains clean accuracy (+3.0 points, 95 % interval +1.0 to +5.0)"},
		{differenceOf(3, 1, 5, 0.001), differenceOf(-2, -4, -1, 0.001),
			"Merging at alpha 0.8 gains clean accuracy (+3.0 points, 95 % interval +1.0 to +5.0) but makes the model less robust (−2.0 " +
				"points of mOA, 95 % interval −4.0 to −1.0)"},
	} {
		r := full()
		c := difference(r, r.Chosen.ID, "alpha=1")
		c.Clean, c.MOA = test.clean, test.moa
		if got := newVerdict(r).Headline; got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}
