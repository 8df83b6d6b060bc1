package result

import (
	"bytes"
	"math"
	"reflect"
	"testing"
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
