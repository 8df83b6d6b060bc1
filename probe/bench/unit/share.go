package unit

import (
	"cmp"
	"slices"

	"github.com/wiseft/wiseft/internal/fault"
)

// Share is the part of a plan's units that a worker does. The zero value is all.
type Share struct {
	Index int // from 0
	Count int // of workers; 0 = 1
	// Steal lets a worker that has done its share go on with what others have not begun.
	// It is for workers that share a folder; with folders of their own all would do all.
	Steal bool
}

// Workers is the number of workers, at least 1.
func (s Share) Workers() int { return max(1, s.Count) }

// Check refuses a share that no worker has.
func (s Share) Check() error {
	if s.Count < 0 || s.Index < 0 || s.Index >= s.Workers() {
		return fault.Usagef("share %d of %d is none", s.Index, s.Count)
	}
	return nil
}

// order returns the units in the order in which the share does them: its own ones, and then
// with Steal those of the others. A share is a run of neighbouring units of about the same
// cost as every other, so that it opens few models. The largest come first, which are
// the training data: what is begun last should be small, and probes wait for it.
//
// With Steal a share keeps the first half of its units, and what is left of all shares is
// one queue, in the same order for all. Were whole shares kept, those of the slowest models would be
// left for the end, when nobody can help with what has begun. The kept units of
// others come last, from the ends of their shares, which their owners reach last, the next neighbour's first.
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

// keptShare is the part of its share that a worker keeps for itself: simulated, .3 to .5 leave 64 workers equally busy, and
// .7 no busier than if they kept all.
const keptShare = 0.5

// own returns the units of a share, the largest first.
func (s Share) own(units []Unit, index int) []Unit {
	lo, hi := s.bounds(units, index)
	return largestFirst(slices.Clone(units[lo:hi]))
}

// split divides a share's units into those that it keeps and those that it gives to the queue, by samples.
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

// bounds returns which units a share has: those whose middle, counted in samples, lies in
// its part of the whole.
func (s Share) bounds(units []Unit, index int) (lo, hi int) {
	total := 0
	for _, u := range units {
		total += u.Samples
	}
	before := 0
	lo, hi = len(units), len(units)
	for i, u := range units {
		middle := 2*before + u.Samples // doubled, to stay whole
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
