package unit

import (
	"cmp"
	"slices"

	"github.com/wiseft/wiseft/internal/fault"
)

// Share is the part of a plan's units that a worker computes. The zero value is all.
type Share struct {
	Index int // from 0
	Count int // of workers; 0 = 1
	// Steal lets a worker that has finished its share continue with units that others have not begun. The workers
	// must share a folder; with a folder for each, every worker would compute all.
	Steal bool
}

// Workers returns the number of workers, at least 1.
func (s Share) Workers() int { return max(1, s.Count) }

// Check returns an error of kind Usage unless 0 <= Index < Count.
func (s Share) Check() error {
	if s.Count < 0 || s.Index < 0 || s.Index >= s.Workers() {
		return fault.Usagef("share %d of %d does not exist: shares count from 0", s.Index, s.Count)
	}
	return nil
}

// Order returns the units in the order in which the share's worker computes them: its own ones, and then with Steal
// those of the others. A share is a range of neighbouring units with about the same cost as every other share, so
// that its worker opens few models. The largest units, the training data, come first: what is begun last should be
// small, and probes depend on them.
//
// With Steal a worker keeps the first half of its share, and the rest of all shares is one queue, in the same order
// for all workers. If whole shares were kept, those of the slowest models would be begun last. The kept units of
// other workers come last, from the ends of their shares, which their owners reach last, beginning with the next
// worker.
//
// Simulated with 64 workers and 1,887 units whose times differ from the number of their samples by a factor of 1.35
// by model and 1.35 or 1.6 by unit, workers are busy for .948 or .905 of the time at worst, without stealing for .56.
// One queue from the start would reach .946 and .920, and open a model for nearly every unit.
func (s Share) Order(units []Unit) []Unit {
	if s.Workers() == 1 {
		return units
	}
	if !s.Steal {
		return s.own(units, s.Index)
	}
	kept, _ := s.split(s.own(units, s.Index))
	var queue, others []Unit
	for i := range s.Count {
		_, given := s.split(s.own(units, i))
		queue = append(queue, given...)
	}
	for k := 1; k < s.Count; k++ {
		theirs, _ := s.split(s.own(units, (s.Index+k)%s.Count))
		slices.Reverse(theirs)
		others = append(others, theirs...)
	}
	return slices.Concat(kept, largestFirst(queue), largestFirst(others))
}

// keptShare is the part of its share that a worker keeps: in simulations, .3 to .5 keep 64 workers equally busy, and
// .7 is no better than keeping all.
const keptShare = 0.5

// own returns the units of a share, largest first.
func (s Share) own(units []Unit, index int) []Unit {
	lo, hi := s.bounds(units, index)
	return largestFirst(slices.Clone(units[lo:hi]))
}

// split divides a share's units into those that are kept and those that enter the queue, by samples.
func (s Share) split(own []Unit) (kept, given []Unit) {
	total, before := 0, 0
	for _, u := range own {
		total += u.Samples
	}
	for i, u := range own {
		if float64(before) >= keptShare*float64(total) {
			return own[:i], own[i:]
		}
		before += u.Samples
	}
	return own, nil
}

func largestFirst(units []Unit) []Unit {
	slices.SortStableFunc(units, func(a, b Unit) int { return cmp.Compare(b.Samples, a.Samples) })
	return units
}

// bounds returns the range of a share's units: those whose middle, counted in samples, lies in its part of the total.
func (s Share) bounds(units []Unit, index int) (lo, hi int) {
	total := 0
	for _, u := range units {
		total += u.Samples
	}
	before := 0
	lo, hi = len(units), len(units)
	for i, u := range units {
		middle := 2*before + u.Samples // doubled, so that it is an integer
		before += u.Samples
		owner := 0
		if total > 0 {
			owner = min(int(int64(middle)*int64(s.Count)/int64(2*total)), s.Count-1)
		}
		if owner >= index && lo == len(units) {
			lo = i
		}
		if owner > index {
			return lo, i
		}
	}
	return lo, hi
}
