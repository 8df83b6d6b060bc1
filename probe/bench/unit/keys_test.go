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
