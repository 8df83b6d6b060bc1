package main

import "testing"

func TestNearest(t *testing.T) {
	t.Parallel()
	names := []string{"merge", "features", "norm-statistics", "alpha", "o", "out", "param"}
	for typed, want := range map[string]string{
		"merg": "merge", "mrege": "merge", "featuers": "features", "norm-statistic": "norm-statistics", "feat": "features",
		"alhpa": "alpha", "apha": "alpha", "params": "param", "help": "", "xyzzy": "", "o": "", "": "", "statistics": "",
	} {
		if got := nearest(typed, names); got != want {
			t.Errorf("%s: %q, want %q", typed, got, want)
		}
	}
	for _, test := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"abc", "", 3}, {"", "abc", 3}, {"abc", "acb", 1}, {"kitten", "sitting", 3}, {"ca", "abc", 3}} {
		if got := edits(test.a, test.b); got != test.want {
			t.Errorf("%q to %q: %d edits, want %d", test.a, test.b, got, test.want)
		}
	}
}
