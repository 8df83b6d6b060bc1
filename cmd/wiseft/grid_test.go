package main

import (
	"slices"
	"testing"
)

// The values of a range have the decimals of its numbers, however these are written.
func TestParseGrid(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]float64{
		"0:0.3:0.1":    {0, 0.1, 0.2, 0.3},
		"0:0.003:1e-3": {0, 0.001, 0.002, 0.003},
		"1e-1:3E-1:.1": {0.1, 0.2, 0.3},
		"1e1:3e1:10":   {10, 20, 30},
		"0, 0.25,1":    {0, 0.25, 1},
	} {
		got, err := parseGrid(text)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s is %v (%v), want %v", text, got, err, want)
		}
	}
}
