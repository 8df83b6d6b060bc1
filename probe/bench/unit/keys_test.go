package unit

import (
	"testing"

	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/bench/result"
)

// TestFeaturesKeyHasPooling checks that features are stored by how they were pooled, and under the former key without.
func TestFeaturesKeyHasPooling(t *testing.T) {
	t.Parallel()
	key := func(p *probe.Pooling) string {
		s := Spec{Variants: []Variant{{Key: "model"}}, Settings: result.Settings{Tensor: "tokens", Pool: p}}
		return string(s.FeaturesOf(0, "data"))
	}
	plain := key(nil)
	if want := "488af547433f49dcb9e74d077ebb07fc81fed941a9fc24671ab9fce187305139"; plain != want {
		t.Errorf("the key without pooling is %s, want %s", plain, want)
	}
	seen := map[string]bool{plain: true}
	for _, p := range []probe.Pooling{{Mode: "mean"}, {Mode: "max"}, {Mode: "mean", FeatureAxis: 1}} {
		if k := key(&p); seen[k] {
			t.Errorf("%+v has the key of another pooling", p)
		} else {
			seen[k] = true
		}
	}
}

// TestScoresKeyHasScoring checks that a score is stored by the command and the files that it names, for both directions.
func TestScoresKeyHasScoring(t *testing.T) {
	t.Parallel()
	key := func(scoring *result.Scoring) string {
		s := Spec{Variants: []Variant{{Key: "model"}}, Tests: []Set{{Cells: []Cell{{SHA256: "data"}}}},
			Settings: result.Settings{OwnHead: true, Score: scoring}}
		return string(s.Scores(0, View{Role: OnTest}))
	}
	of := func(sum string) []result.ScoringFile { return []result.ScoringFile{{Name: "score.py", SHA256: sum}} }
	one := key(&result.Scoring{Command: "score.py", Files: of("a")})
	if got := key(&result.Scoring{Command: "score.py", Files: of("a"), Lower: true}); got != one {
		t.Errorf("the key depends on which scores are better")
	}
	for _, other := range []*result.Scoring{nil, {Command: "score.py --strict", Files: of("a")}, {Command: "score.py", Files: of("b")}} {
		if key(other) == one {
			t.Errorf("%+v has the key of another score", other)
		}
	}
}
