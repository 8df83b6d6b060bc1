package wiseft

import (
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
	if err := o.checkShared(t.Context(), plan(part(0, 1), part(2, 3), part(4, 5))); err != nil {
		t.Errorf("nothing is shared: %v", err)
	}
	for want, p := range map[string]*bench.Plan{
		"2 samples of the test data":      plan(part(0, 1, 2), part(3, 4), part(9, 2, 0)),
		"1 sample of the validation data": plan(part(0, 1, 2), part(2, 3), part(9)),
		"sample 1 is sample 0 there":      plan(part(7, 8), part(3, 4), part(9, 3)),
	} {
		err := o.checkShared(t.Context(), p)
		if fault.KindOf(err) != fault.Mismatch || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
		allow := MeasureOptions{AllowShared: true}
		p.Shared = nil
		if err := allow.checkShared(t.Context(), p); err != nil || !strings.Contains(strings.Join(p.Shared, "\n"), want) {
			t.Errorf("allowed: %v, notes %q", err, p.Shared)
		}
	}
}
