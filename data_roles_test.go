package wiseft

import (
	"context"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/shapes"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/bench"
)

// Samples in two of the data sets are counted and named: an error, or with AllowShared a note. Test sets among
// themselves may share samples.
func TestSharedSamples(t *testing.T) {
	t.Parallel()
	scans, err := shapes.New(shapes.Options{Domain: shapes.Scan, Split: "train", PerClass: 5, Points: 16,
		Classes: shapes.Indoor()[:2]})
	if err != nil {
		t.Fatal(err)
	}
	part := func(rows ...int) datasets.Dataset { return datasets.Subset(scans, rows, "a part") }
	plan := func(train, val, test datasets.Dataset) *bench.Plan {
		return &bench.Plan{Train: train, Vals: []bench.Val{{Data: val}}, Tests: []bench.Test{{Data: test}, {Data: test}}}
	}
	var o MeasureOptions
	if err := o.checkRoles(t.Context(), plan(part(0, 1), part(2, 3), part(4, 5))); err != nil {
		t.Errorf("nothing is shared: %v", err)
	}
	for want, p := range map[string]*bench.Plan{
		"2 samples of the test data":      plan(part(0, 1, 2), part(3, 4), part(9, 2, 0)),
		"1 sample of the validation data": plan(part(0, 1, 2), part(2, 3), part(9)),
		"sample 1 is sample 0 there":      plan(part(7, 8), part(3, 4), part(9, 3)),
	} {
		err := o.checkRoles(t.Context(), p)
		if fault.KindOf(err) != fault.Mismatch || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
		allow := MeasureOptions{AllowShared: true}
		p.Shared = nil
		if err := allow.checkRoles(t.Context(), p); err != nil || !strings.Contains(strings.Join(p.Shared, "\n"), want) {
			t.Errorf("allowed: %v, notes %q", err, p.Shared)
		}
	}
}

// relabelled has values that are scaled, and labels that are moved.
type relabelled struct {
	datasets.Dataset
	scale float32
	move  int64
}

func (r relabelled) Label(i int) int64 { return r.Dataset.Label(i) + r.move }

func (r relabelled) Read(ctx context.Context, dst *datasets.Sample, i int) error {
	err := r.Dataset.Read(ctx, dst, i)
	for k := range dst.X {
		dst.X[k] *= r.scale
	}
	dst.Label += r.move
	return err
}

// Data of another scale, or with labels of other classes, are named with both figures; those of one kind are not.
func TestDoubtsAboutData(t *testing.T) {
	t.Parallel()
	load := func(domain shapes.Domain, split string) datasets.Dataset {
		ds, err := shapes.New(shapes.Options{Domain: domain, Split: split, PerClass: 25, Points: 32,
			Classes: shapes.Indoor()[:3]})
		if err != nil {
			t.Fatal(err)
		}
		return ds
	}
	train, test := load(shapes.CAD, "train"), load(shapes.Scan, "test")
	none := relabelled{datasets.Subset(test, nil, "no sample"), 1, 0}
	for want, ds := range map[string]datasets.Dataset{
		"": test,
		"times as large as those of the training data":        relabelled{load(shapes.CAD, "test"), 100, 0},
		"has samples of class 3, and the training data":       relabelled{test, 1, 1},
		"has samples of classes 1099511627776, 1099511627777": relabelled{test, 1, 1 << 40}, // takes no memory by label
		"has no sample of class 0":                            relabelled{test, 1, 1},
		" ":                                                   none,
	} {
		plan := &bench.Plan{Train: train, Tests: []bench.Test{{Data: ds}}}
		var noted []string
		o := MeasureOptions{Monitor: Monitor{Note: func(s string) { noted = append(noted, s) }}}
		if err := o.checkRoles(t.Context(), plan); err != nil {
			t.Fatal(err)
		}
		got := strings.Join(plan.Doubts, "\n")
		if strings.TrimSpace(want) == "" && got != "" || !strings.Contains(got, strings.TrimSpace(want)) {
			t.Errorf("want %q, got %q", want, got)
		}
		if len(noted) != len(plan.Doubts) {
			t.Errorf("%d notes, want %d", len(noted), len(plan.Doubts))
		}
	}
}
