package align_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge/align"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/probe/ort/orttest"
)

// A group that lacks one of its weights changes the results. It is found among all others, frozen and named, and what
// is left passes.
func TestCheckFindsWrongGroups(t *testing.T) {
	orttest.Load(t)
	for _, path := range []string{"../pair/testdata/corpus/resnet/a_fold.onnx.gz",
		"../pair/testdata/corpus/vit/a_opset17.onnx.gz", "../pair/testdata/corpus/unet/a_fold.onnx.gz"} {
		t.Run(shortName(path), func(t *testing.T) {
			m := openModel(t, path)
			r, err := newRunner(t.Context(), m)
			if err != nil {
				t.Fatal(err)
			}
			groups := align.Find(m)
			count := len(groups.List)
			checked, err := groups.Check(t.Context(), m, r.difference, align.CheckOptions{})
			if err != nil || len(checked.Broken) > 0 || checked.Runs != 1 || len(groups.List) != count {
				t.Fatalf("%+v, %v", checked, err)
			}
			wrong := &groups.List[count/2]
			weight := slices.IndexFunc(wrong.Members, func(m align.Member) bool { return len(m.Tensor.Dims) >= 2 })
			wrong.Members = slices.Delete(wrong.Members, weight, weight+1)
			name, frozen := wrong.Members[0].Tensor.ID(), len(groups.Frozen)
			checked, err = groups.Check(t.Context(), m, r.difference, align.CheckOptions{Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			if len(checked.Broken) != 1 || !strings.Contains(checked.Broken[0], name) {
				t.Errorf("broken are %q, want the group of %s", checked.Broken, name)
			}
			if len(groups.List) != count-1 || len(groups.Frozen) != frozen+1 || checked.Difference > 1e-5 {
				t.Errorf("%d groups of %d, %d frozen, difference %g", len(groups.List), count, len(groups.Frozen),
					checked.Difference)
			}
			for i, g := range groups.List {
				if g.ID != i {
					t.Errorf("group %d has the ID %d", i, g.ID)
				}
			}
			t.Logf("%d runs: %s", checked.Runs, checked.Broken)
		})
	}
}

// Bisection finds single groups, groups that break the model only together, and groups with which the model cannot be
// run.
func TestCheckBisects(t *testing.T) {
	t.Parallel()
	m := openModel(t, "../pair/testdata/corpus/resnet/a_fold.onnx.gz")
	first := func(g align.Group) string { // of one axis, so that it is in no other group
		i := slices.IndexFunc(g.Members, func(m align.Member) bool { return len(m.Tensor.Dims) == 1 })
		return g.Members[i].Tensor.ID()
	}
	all := align.Find(m).List
	for _, c := range []struct {
		what   string
		breaks func(permuted map[string]bool) (float64, error)
		want   []string
	}{
		{"one", func(p map[string]bool) (float64, error) { return number(p[first(all[2])]), nil }, []string{first(all[2])}},
		{"two", func(p map[string]bool) (float64, error) { return number(p[first(all[0])] || p[first(all[5])]), nil },
			[]string{first(all[0]), first(all[5])}},
		{"a pair", func(p map[string]bool) (float64, error) { return number(p[first(all[1])] && p[first(all[4])]), nil },
			[]string{first(all[4])}},
		{"an error", func(p map[string]bool) (float64, error) {
			if p[first(all[3])] {
				return 0, errors.New("shapes differ")
			}
			return 0, nil
		}, []string{first(all[3])}},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			groups := align.Find(m)
			checked, err := groups.Check(t.Context(), m, func(_ context.Context, list []onnx.Replacement) (float64, error) {
				permuted := map[string]bool{}
				for _, r := range list {
					permuted[r.Tensor.ID()] = true
				}
				return c.breaks(permuted)
			}, align.CheckOptions{})
			if err != nil || len(checked.Broken) != len(c.want) {
				t.Fatalf("%+v, %v", checked, err)
			}
			for i, name := range c.want {
				if !strings.Contains(checked.Broken[i], name) {
					t.Errorf("broken is %q, want the group of %s", checked.Broken[i], name)
				}
			}
		})
	}
}

// number is a difference that is rounding, or is not.
func number(broken bool) float64 {
	if broken {
		return .5
	}
	return 1e-7
}

// A context that ends is not a group that breaks.
func TestCheckStops(t *testing.T) {
	t.Parallel()
	m := openModel(t, "../pair/testdata/corpus/resnet/a_fold.onnx.gz")
	groups := align.Find(m)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := groups.Check(ctx, m, func(context.Context, []onnx.Replacement) (float64, error) {
		cancel()
		return 0, fmt.Errorf("interrupted")
	}, align.CheckOptions{})
	if !errors.Is(err, context.Canceled) || len(groups.Frozen) > 2 {
		t.Errorf("%v, frozen %v", err, groups.Frozen)
	}
}

// A model that differs from itself is refused, instead of losing all groups.
func TestCheckNeedsTheSameResults(t *testing.T) {
	t.Parallel()
	m := openModel(t, "../pair/testdata/corpus/resnet/a_fold.onnx.gz")
	groups := align.Find(m)
	count := len(groups.List)
	_, err := groups.Check(t.Context(), m, func(context.Context, []onnx.Replacement) (float64, error) { return .1, nil },
		align.CheckOptions{})
	if fault.KindOf(err) != fault.Mismatch || len(groups.List) != count {
		t.Errorf("%v, %d groups of %d", err, len(groups.List), count)
	}
}
