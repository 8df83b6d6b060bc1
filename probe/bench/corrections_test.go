package bench

import (
	"testing"

	"github.com/wiseft/wiseft/probe/bench/result"
)

// corrected is a mix beside that with its alpha.
type corrected struct {
	variant
	repaired   bool
	statistics string
}

func (v corrected) ID() string {
	if v.repaired {
		return v.variant.ID() + " repaired"
	}
	return v.variant.ID() + " " + v.statistics
}

func (v corrected) About() About {
	a := v.variant.About()
	a.Repaired, a.Statistics = v.repaired, v.statistics
	return a
}

// Mixes with corrected statistics are compared with the mixes that they correct, as wiseft compare does.
func TestCorrections(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	plan := fakePlan()
	plan.Variants = append(alphas(0, 0.5, 1), corrected{variant: variant{alpha: 0.5}, repaired: true},
		corrected{variant: variant{alpha: 0.5}, statistics: "std"})
	stats := mustRunAt(t, plan, root).Result.Statistics
	if len(stats.Corrections) != 2 || len(stats.Comparisons) != 4 {
		t.Fatalf("corrections %s of %d comparisons", asJSON(t, stats.Corrections), len(stats.Comparisons))
	}
	for i, id := range []string{"alpha=0.5 repaired", "alpha=0.5 std"} {
		c := stats.Corrections[i]
		if c.A != id || c.B != "alpha=0.5" || c.Clean == nil || c.MOA == nil || c.Clean.PHolm < c.Clean.P {
			t.Errorf("%s", asJSON(t, c))
		}
		got, err := Compare(folderAt(t, root, "reader"), c.A, c.B)
		if err != nil {
			t.Fatal(err)
		}
		if on := got.Tests[0]; on.Clean.P != c.Clean.P || on.MOA.Difference != c.MOA.Difference {
			t.Errorf("on demand %s, in the result %s", asJSON(t, on), asJSON(t, c))
		}
	}
	plan.Variants = alphas(0, 0.5, 1)
	if more := mustRunAt(t, plan, t.TempDir()).Result.Statistics.Corrections; len(more) != 0 {
		t.Errorf("corrections without corrected mixes: %s", asJSON(t, more))
	}
}

func TestCorrects(t *testing.T) {
	t.Parallel()
	mix := func(alpha float64, repaired bool, statistics string) *result.Model {
		return &result.Model{Params: []result.Param{{Name: "alpha", Value: alpha}}, Repaired: repaired, Statistics: statistics}
	}
	plain, std := mix(0.5, false, ""), mix(0.5, false, "std")
	for i, c := range []struct {
		m, of *result.Model
		want  bool
	}{
		{mix(0.5, true, ""), plain, true}, {std, plain, true}, {mix(0.5, true, "std"), std, true},
		{mix(0.5, true, "std"), plain, false}, {plain, plain, false}, {plain, std, false}, {mix(0.4, true, ""), plain, false},
		{mix(0.5, true, ""), mix(0.5, true, ""), false}, {&result.Model{Repaired: true}, &result.Model{}, false},
	} {
		if got := c.m.Corrects(c.of); got != c.want {
			t.Errorf("case %d: %t", i, got)
		}
	}
}
