package result

import (
	"bytes"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/wiseft/wiseft/probe/feature"
)

// TestScoredRoundTrip checks that a score is read as it was written, with and without scores of single samples.
func TestScoredRoundTrip(t *testing.T) {
	t.Parallel()
	for _, want := range []*Scored{{Value: -3.25, N: 7}, {Value: 0.5, Samples: []float64{0, 1, 0.25, 0.75}, N: 4}} {
		var file bytes.Buffer
		if err := want.Write(&file); err != nil {
			t.Fatal(err)
		}
		got, err := ReadScored(bytes.NewReader(file.Bytes()), int64(file.Len()))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
}

// TestScoredCheck checks that a score is finite and the mean of its samples.
func TestScoredCheck(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		scored Scored
		ok     bool
	}{
		"alone":              {Scored{Value: 1e9, N: 3}, true},
		"six digits":         {Scored{Value: 0.333333, Samples: []float64{0, 0, 1}, N: 3}, true},
		"cancelling samples": {Scored{Value: 1e-17, Samples: []float64{1, -1}, N: 2}, true},
		"another mean":       {Scored{Value: 0.3334, Samples: []float64{0, 0, 1}, N: 3}, false},
		"too few samples":    {Scored{Value: 0.5, Samples: []float64{0, 1}, N: 3}, false},
		"NaN":                {Scored{Value: math.NaN(), N: 3}, false},
		"infinite sample":    {Scored{Value: 1, Samples: []float64{1, math.Inf(1)}, N: 2}, false},
	} {
		if err := test.scored.Check(); (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestHeadLabels checks class scores of a model with other classes than the data: left out, and grouped by the highest.
func TestHeadLabels(t *testing.T) {
	t.Parallel()
	f := &feature.Set{Dim: 4, Y: []int64{0, 1, 1}, X: []float32{1, 9, 2, 3, 5, 9, 4, 6, 5, 0, 7, 1}}
	p, err := OwnHead(f, map[int64]int64{0: 1, 2: 0, 3: 1}) // class 1 is left out; 0 and 3 are label 1
	if err != nil {
		t.Fatal(err)
	}
	if want := []float64{2, 3, 4, 6, 7, 5}; !slices.Equal(p.Scores, want) {
		t.Errorf("scores %v, want %v", p.Scores, want)
	}
	if want := []int64{1, 1, 0}; !slices.Equal(p.Class, want) {
		t.Errorf("classes %v, want %v", p.Class, want)
	}
	// Probabilities become logarithms before classes are left out, so that the others are their shares of the rest.
	shares := &feature.Set{Dim: 3, Y: []int64{0}, X: []float32{0.5, 0.3, 0.2}}
	if p, err = OwnHead(shares, map[int64]int64{1: 0, 2: 1}); err != nil || math.Abs(p.Prob[0]-0.6) > 1e-6 {
		t.Errorf("probabilities %v, %v, want .6 and .4", p.Prob, err)
	}
	for name, to := range map[string]map[int64]int64{"no such class": {4: 0, 0: 1}, "label without a class": {0: 1}} {
		if _, err := OwnHead(f, to); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
