package bench

import (
	"cmp"
	"slices"
)

// Share is the part of a plan's units that a worker does. The zero value is all.
type Share struct {
	Index int // from 0
	Count int // of workers; 0 = 1
	// Steal lets a worker that has done its share go on with what others have not begun.
	// It is for workers that share a folder; with folders of their own all would do all.
	Steal bool
}

func (s *Share) complete(keepFeatures bool) error {
	if s.Count == 0 {
		s.Count = 1
	}
	if s.Count < 1 || s.Index < 0 || s.Index >= s.Count {
		return optionErrorf("share %d of %d is none", s.Index, s.Count)
	}
	if s.Count > 1 && !keepFeatures {
		return optionErrorf("a share of a plan needs the features of its units kept: probes are fitted on what another share has extracted")
	}
	return nil
}

// order returns the units in the order in which the share does them: its own ones, and then
// with Steal those of the others. A share is a run of neighbouring units of about the same
// cost as every other, so that it opens few models. The largest come first, which are
// the training data: what is begun last should be small, and probes wait for it. Shares
// that are stolen from are taken from their ends, which their owners reach last, the next
// neighbour's first.
func (s Share) order(units []unit) []unit {
	if s.Count == 1 {
		return units
	}
	lo, hi := s.bounds(units, s.Index)
	own := largestFirst(slices.Clone(units[lo:hi]))
	if !s.Steal {
		return own
	}
	var others []unit
	for k := 1; k < s.Count; k++ {
		lo, hi := s.bounds(units, (s.Index+k)%s.Count)
		for i := hi - 1; i >= lo; i-- {
			others = append(others, units[i])
		}
	}
	return append(own, largestFirst(others)...)
}

func largestFirst(units []unit) []unit {
	slices.SortStableFunc(units, func(a, b unit) int { return cmp.Compare(b.samples, a.samples) })
	return units
}

// bounds returns which units a share has: those whose middle, counted in samples, lies in
// its part of the whole.
func (s Share) bounds(units []unit, index int) (lo, hi int) {
	total := 0
	for _, u := range units {
		total += u.samples
	}
	before := 0
	lo, hi = len(units), len(units)
	for i, u := range units {
		middle := 2*before + u.samples // doubled, to stay whole
		before += u.samples
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
