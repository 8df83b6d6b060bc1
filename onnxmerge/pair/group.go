package pair

import (
	"cmp"
	"iter"
	"slices"
)

// colourGroup has the uses of one colour, in their order in the graph.
type colourGroup struct {
	colour uint64
	uses   []*use
}

// group groups uses by their colour, refined by downstream operators to the horizon, in the order of the colours.
func group(uses []*use, horizon int) []colourGroup {
	return groupBy(uses, func(u *use) (uint64, bool) {
		if horizon == 0 {
			return u.colour, true
		}
		return u.colourWithin(horizon), true
	})
}

// groupBy groups the uses that have a colour, in the order of the colours.
func groupBy(uses []*use, colour func(u *use) (c uint64, ok bool)) []colourGroup {
	type coloured struct {
		colour uint64
		at     int // the use's place among uses
	}
	list := make([]coloured, 0, len(uses))
	for i, u := range uses {
		if c, ok := colour(u); ok {
			list = append(list, coloured{c, i})
		}
	}
	slices.SortFunc(list, func(a, b coloured) int {
		if a.colour != b.colour {
			return cmp.Compare(a.colour, b.colour)
		}
		return cmp.Compare(a.at, b.at)
	})
	colours := 0
	for i, x := range list {
		if i == 0 || list[i-1].colour != x.colour {
			colours++
		}
	}
	sorted := make([]*use, len(list))
	groups := make([]colourGroup, 0, colours)
	first := 0
	for i, x := range list {
		sorted[i] = uses[x.at]
		if i+1 == len(list) || list[i+1].colour != x.colour {
			groups = append(groups, colourGroup{x.colour, sorted[first : i+1 : i+1]})
			first = i + 1
		}
	}
	return groups
}

// shared yields the uses of each colour that both lists of groups have.
func shared(as, bs []colourGroup) iter.Seq2[[]*use, []*use] {
	return func(yield func(as, bs []*use) bool) {
		for len(as) > 0 && len(bs) > 0 {
			switch c := cmp.Compare(as[0].colour, bs[0].colour); {
			case c < 0:
				as = as[1:]
			case c > 0:
				bs = bs[1:]
			default:
				if !yield(as[0].uses, bs[0].uses) {
					return
				}
				as, bs = as[1:], bs[1:]
			}
		}
	}
}
