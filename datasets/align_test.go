package datasets_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets"
)

// TestAlignLabels checks when class numbers are matched by name, kept, or refused.
func TestAlignLabels(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		classes, reference string
		labels             []int64
		want               map[int64]int64
		wrong              string
	}{
		{"a b c", "a b c", []int64{0, 1, 2}, nil, ""},
		{"b c", "a b c", []int64{0, 1}, map[int64]int64{0: 1, 1: 2}, ""},
		{"c b a", "a b c", []int64{0, 2}, map[int64]int64{0: 2, 2: 0}, ""},
		{"a b", "a b c", []int64{0, 1}, nil, ""},
		{"a b c", "a b", []int64{0, 2}, nil, ""}, // the doubts of a measurement name class 2
		{"night_stand sofa", "Night Stand,Sofa", []int64{0, 1}, nil, ""},
		{"a b d", "a b c", []int64{0, 2}, nil, `sample 1 is of class "d", which is none of the 3 classes a, b, c`},
		{"a b d", "a b c", []int64{0, 1}, map[int64]int64{0: 0, 1: 1}, ""},
		{"one two", "a b", []int64{0, 1}, nil, ""},
		{"", "a b", []int64{0, 1}, nil, ""},
		{"a b", "", []int64{0, 1}, nil, ""},
	} {
		reference := strings.Fields(test.reference)
		if strings.Contains(test.reference, ",") {
			reference = strings.Split(test.reference, ",")
		}
		got, err := datasets.AlignLabels(test.labels, strings.Fields(test.classes), reference)
		if test.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), test.wrong) {
				t.Errorf("%s: %v, want %q", test.classes, err, test.wrong)
			}
			continue
		}
		if err != nil || !maps.Equal(got, test.want) || (got == nil) != (test.want == nil) {
			t.Errorf("%s against %s: %v (%v), want %v", test.classes, test.reference, got, err, test.want)
		}
	}
}

// TestAlignClasses reads a data set with the numbers of another.
func TestAlignClasses(t *testing.T) {
	t.Parallel()
	ds := open(t, "testdata/npz/compressed_classes.npz", "") // chair, desk, sofa
	aligned, err := datasets.AlignClasses(ds, []string{"sofa", "desk", "chair"})
	if err != nil {
		t.Fatal(err)
	}
	if y := datasets.Labels(aligned); !slices.Equal(y, []int64{2, 1, 0, 2, 1, 0}) {
		t.Errorf("labels %v", y)
	}
	if info := aligned.Info(); !slices.Equal(info.Classes, []string{"sofa", "desk", "chair"}) || len(info.History) == 0 {
		t.Errorf("%+v", info)
	}
	if same, err := datasets.AlignClasses(ds, []string{"chair", "desk", "sofa"}); err != nil || same != ds {
		t.Errorf("equal names: %v", err)
	}
	if _, err := datasets.AlignClasses(ds, []string{"chair", "sofa", "table"}); err == nil {
		t.Error("an unknown class is taken")
	}
}
