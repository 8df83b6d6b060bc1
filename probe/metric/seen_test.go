package metric

import (
	"math/rand/v2"
	"testing"
)

// answerPair draws the answers of two models that share a share of their mistakes.
func answerPair(r *rand.Rand, n int, first, second, shared float64) (a, b []bool) {
	for range n {
		u, v := r.Float64(), r.Float64()
		if r.Float64() < shared {
			v = u
		}
		a, b = append(a, u < first), append(b, v < second)
	}
	return a, b
}

// Unseen validation data raises at most 1 % of alarms, in 1,000 runs of each kind, and data that the model was
// fine-tuned on raises nearly always one.
func TestSeenFalseAlarms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		nVal, nTest           int
		first, second, shared float64
		seen                  float64 // accuracy of the second model on validation data; 0 = unseen
		least, most           int     // alarms of 1,000 runs
	}{
		{100, 250, .7, .9, .5, 0, 0, 10}, {400, 250, .8, .92, .7, 0, 0, 10}, {800, 908, .9, .92, .8, 0, 0, 10},
		{60, 60, .5, .98, .1, 0, 0, 10}, {200, 1000, .97, .99, .9, 0, 0, 10}, {30, 2468, .1, .9, 0, 0, 0, 10},
		{800, 908, .88, .92, .5, .988, 900, 1000},
	} {
		r := rand.New(rand.NewPCG(1, uint64(c.nVal)))
		alarms := 0
		for range 1000 {
			second := c.second
			if c.seen > 0 {
				second = c.seen
			}
			fv, sv := answerPair(r, c.nVal, c.first, second, c.shared)
			ft, st := answerPair(r, c.nTest, c.first, c.second, c.shared)
			if Seen(fv, sv, ft, st).Found() {
				alarms++
			}
		}
		t.Logf("%+v: %d alarms", c, alarms)
		if alarms < c.least || alarms > c.most {
			t.Errorf("%+v: %d alarms in 1,000 runs", c, alarms)
		}
	}
}

// A test set that is harder for both models is no sign.
func TestSeenIgnoresAHarderTestSet(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	fv, sv := answerPair(r, 1000, .9, .95, .5)
	ft, st := answerPair(r, 1000, .7, .75, .5)
	if s := Seen(fv, sv, ft, st); s.Found() || s.After < .1 {
		t.Errorf("got %+v", s)
	}
}
