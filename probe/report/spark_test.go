package report

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSparklines(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		width int
		want  string
	}{
		{80, "\nover alpha from 0 to 1:\nclean ▁▂▃▄▅▆▇▇███ 62.0 to 81.0 %\nmOA   ▁▃▅▆▇███▇▇▅ 48.0 to 62.0 %\n              ▲\n"},
		{14, "\nover alpha from 0 to 1:\nclean ▁▂▃▅▆▇██\nmOA   ▁▃▅▇██▇▅\n            ▲\n"},
		{8, ""},
		{0, ""},
	} {
		var out strings.Builder
		if err := WriteSparklines(&out, full(), test.width); err != nil {
			t.Fatal(err)
		}
		if out.String() != test.want {
			t.Errorf("width %d: got\n%swant\n%s", test.width, out.String(), test.want)
		}
	}
}

// Whatever the width, lines fit and the chosen value is marked where it is drawn.
func TestSparklinesFit(t *testing.T) {
	t.Parallel()
	r := fine(101)
	for width := 9; width < 130; width++ {
		var out strings.Builder
		if err := WriteSparklines(&out, r, width); err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(out.String(), "\n")[2:] {
			if utf8.RuneCountInString(line) > width {
				t.Errorf("width %d: %q", width, line)
			}
		}
		if strings.Count(out.String(), "▲") != 1 {
			t.Errorf("width %d: %q", width, out.String())
		}
	}
}

func TestThinned(t *testing.T) {
	t.Parallel()
	for n := 2; n < 60; n++ {
		for room := 3; room < 70; room++ {
			for keep := -1; keep < n; keep++ {
				list := thinned(n, room, keep)
				if len(list) > room || keep >= 0 && !slices.Contains(list, keep) || !slices.IsSorted(list) || list[len(list)-1] != n-1 ||
					len(slices.Compact(slices.Clone(list))) != len(list) {
					t.Fatalf("%d in %d with %d: %v", n, room, keep, list)
				}
			}
		}
	}
}

func TestSparklinesOfPartOfSuite(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := WriteSparklines(&out, results()["partial_suite"], 80); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "\ncorrupted ▁") || strings.Contains(out.String(), "mOA") {
		t.Errorf("got %q", out.String())
	}
}

func TestNoSparklines(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"bench", "single", "grid"} {
		var out strings.Builder
		if err := WriteSparklines(&out, results()[name], 80); err != nil || out.Len() > 0 {
			t.Errorf("%s: got %q (%v)", name, out.String(), err)
		}
	}
}
