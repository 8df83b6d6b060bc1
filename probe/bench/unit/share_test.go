package unit

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Shares cover all units once, each is contiguous, and none is larger than the mean by more than one unit.
func TestSharesAreEven(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		units := make([]Unit, r.IntN(60))
		total, largest := 0, 0
		for i := range units {
			units[i] = Unit{Variant: i, Samples: 1 + r.IntN(100)}
			total += units[i].Samples
			largest = max(largest, units[i].Samples)
		}
		count := 1 + r.IntN(20)
		next := 0
		for i := range count {
			s := Share{Index: i, Count: count}
			sum, own := 0, map[int]bool{}
			for _, u := range s.Order(units) {
				own[u.Variant] = true
				sum += u.Samples
			}
			for ; own[next]; next++ {
				delete(own, next)
			}
			if len(own) > 0 {
				t.Fatalf("share %d of %d is not in one piece: it has %v, and %d comes next", i, count, own, next)
			}
			if sum > total/count+largest {
				t.Errorf("share %d of %d: %d samples of %d, the largest unit has %d", i, count, sum, total, largest)
			}
			s.Steal = true
			all := map[int]bool{}
			for _, u := range s.Order(units) {
				all[u.Variant] = true
			}
			if got := len(s.Order(units)); got != len(units) || len(all) != got {
				t.Errorf("with stealing %d units, %d different ones, of %d", got, len(all), len(units))
			}
		}
		if next != len(units) {
			t.Errorf("%d units of %d are in shares", next, len(units))
		}
	}
}

// simulate returns the share of the workers' time that goes into units, if each computes units in the order of its
// share and skips those that others have begun. took is the time of each unit, which workers do not know before.
func simulate(units []Unit, workers int, steal bool, took []float64) (efficiency float64) {
	type worker struct {
		order []Unit
		free  float64
	}
	list := make([]worker, workers)
	for i := range list {
		list[i].order = Share{Index: i, Count: workers, Steal: steal}.Order(units)
	}
	begun := make([]bool, len(units))
	total, end := 0.0, 0.0
	for {
		next := -1
		for i := range list {
			for len(list[i].order) > 0 && begun[list[i].order[0].Variant] {
				list[i].order = list[i].order[1:]
			}
			if len(list[i].order) > 0 && (next < 0 || list[i].free < list[next].free) {
				next = i
			}
		}
		if next < 0 {
			return total / (float64(workers) * end)
		}
		w := &list[next]
		u := w.order[0].Variant
		begun[u] = true
		w.free += took[u]
		total += took[u]
		end = max(end, w.free)
	}
}

// 64 workers that steal waste less than a tenth of their time on units of unequal cost whose time differs from the
// number of samples: by a factor of 1.35 from model to model, and of up to 1.6 from unit to unit (one standard
// deviation).
func TestStealingIsEfficient(t *testing.T) {
	t.Parallel()
	for _, spread := range []float64{0.3, 0.47} {
		r := rand.New(rand.NewPCG(5, 6))
		const workers, variants = 64, 51
		worst, bound, alone := 1.0, 1.0, 0.0
		const runs = 20
		for range runs {
			var units []Unit
			var took []float64
			for range variants {
				speed := math.Exp(0.3 * r.NormFloat64()) // of the machine, or of the model
				for c := range 37 {
					samples := 2468
					if c == 0 {
						samples = 9843 // the training data
					}
					units = append(units, Unit{Variant: len(units), Samples: samples})
					took = append(took, float64(samples)*speed*math.Exp(spread*r.NormFloat64()))
				}
			}
			worst = min(worst, simulate(units, workers, true, took))
			total, longest := 0.0, 0.0
			for _, s := range took {
				total, longest = total+s, max(longest, s)
			}
			bound = min(bound, total/workers/longest)
			alone += simulate(units, workers, false, took) / runs
		}
		t.Logf("%d workers, %d units, spread %v: efficiency %.3f at worst with stealing "+
			"(upper bound %.3f), %.3f on average without",
			workers, variants*37, spread, worst, min(1, bound), alone)
		if worst < 0.9 {
			t.Errorf("spread %v: efficiency %.3f, want 0.9", spread, worst)
		}
		if alone > worst {
			t.Errorf("spread %v: without stealing %.3f: the simulation cannot tell stealing from none", spread, alone)
		}
	}
}
