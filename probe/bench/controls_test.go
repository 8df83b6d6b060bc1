package bench

import (
	"math"
	"testing"

	"github.com/wiseft/wiseft/probe/bench/result"
)

// Averaged answers of the ends have the weights of the mix between them, by the probe and by the own head, and are no
// models.
func TestAveragedAnswers(t *testing.T) {
	t.Parallel()
	plan := withHeads()
	got := mustRun(t, plan)
	if len(got.Models) != 3 || len(got.Controls) != 2 {
		t.Fatalf("%d models and %d controls", len(got.Models), len(got.Controls))
	}
	for i, head := range []string{"probe", "own"} {
		c := got.Controls[i]
		if c.ID != result.Ensemble || c.Head != head || *c.Alpha != 0.5 || c.Name != got.Models[0].Name {
			t.Errorf("control %d: %s by %s at %g of %s", i, c.ID, c.Head, *c.Alpha, c.Name)
		}
		if len(c.Corruptions) != len(got.Models[0].Corruptions) || c.Clean.N != got.Models[0].Clean.N {
			t.Errorf("%s: %s", head, asJSON(t, c.Tested))
		}
	}
	// Scores of heads are linear in alpha in this engine, so that averaged scores are those of the mix.
	own, mix := got.Controls[1].Clean, got.Models[1].OwnHead.Clean
	if own.OA != mix.OA || math.Abs(float64(own.NLL-mix.NLL)) > 1e-6 {
		t.Errorf("the own heads have %s, the mix has %s", asJSON(t, own), asJSON(t, mix))
	}
	without := withHeads()
	without.Variants = without.Variants[:2] // without alpha 1
	if n := len(mustRun(t, without).Controls); n != 0 {
		t.Errorf("%d controls without both ends", n)
	}
}

// Mixed predictions are by mixed scores, at alpha 0 and 1 those of one side.
func TestMixedPredictions(t *testing.T) {
	t.Parallel()
	p := &result.Predictions{Y: []int64{0, 1}, Class: []int64{0, 0}, Classes: 2, Scores: []float64{3, 0, 1, 0}, Prob: make([]float64, 4)}
	q := &result.Predictions{Y: p.Y, Class: []int64{1, 1}, Classes: 2, Scores: []float64{0, 1, 0, 4}, Prob: make([]float64, 4)}
	for _, test := range []struct {
		alpha float64
		want  [2]int64
	}{{0, [2]int64{0, 0}}, {0.5, [2]int64{0, 1}}, {1, [2]int64{1, 1}}} {
		m := p.Mix(q, test.alpha)
		if m.Class[0] != test.want[0] || m.Class[1] != test.want[1] {
			t.Errorf("alpha %g: classes %v, want %v", test.alpha, m.Class, test.want)
		}
		if want := (1-test.alpha)*1 + 0; m.Scores[2] != want {
			t.Errorf("alpha %g: score %g, want %g", test.alpha, m.Scores[2], want)
		}
	}
}
