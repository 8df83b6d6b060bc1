package wiseft

import (
	"testing"
	"unicode/utf8"
)

// A cloud in characters is as wide as is said, the narrowest one too.
func TestViewColumns(t *testing.T) {
	t.Parallel()
	for columns, want := range map[int]int{0: 40, 8: 8, 9: 9, 60: 60} {
		r, err := ViewData(t.Context(), Data{Path: "points", Set: repairData(t, 2)}, ViewOptions{N: 1, Columns: columns})
		if err != nil {
			t.Fatal(err)
		}
		widest := 0
		for _, line := range r.Samples[0].Lines {
			widest = max(widest, utf8.RuneCountInString(line))
		}
		if lines := len(r.Samples[0].Lines); widest > want || widest < want*2/3 || lines > (want+1)/2 {
			t.Errorf("%d columns: the cloud has %d lines of up to %d characters, want about %d", columns, lines, widest, want)
		}
	}
	_, err := ViewData(t.Context(), Data{Path: "points", Set: repairData(t, 2)}, ViewOptions{Columns: 7})
	if KindOf(err) != Usage {
		t.Errorf("7 columns: %v, want an error of usage", err)
	}
}
