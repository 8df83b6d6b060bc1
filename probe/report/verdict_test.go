package report

import (
	"strings"
	"testing"
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
		"Validation data decided, where it has 80.0 %",
		"self-made modelnet-c corruptions",
	} {
		if !strings.Contains(strings.Join(v.Sentences, " "), want) {
			t.Errorf("the verdict does not say %q: %v", want, v.Sentences)
		}
	}
}
