package wiseft

import (
	"context"
	"maps"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/twin"
)

// valuesAtOnce is how many inner values one pass of each model computes. Bisection with one value a pass would take
// four times as many passes; all values at once would take the memory of all activations.
const valuesAtOnce = 16

// search compares inner values until the first that differs is known, in the order of the operators, or all merged
// weights are confirmed. It returns nil if no value differs that shows a fault.
//
// A value that an equal one depends on is not compared, and a value that is not sure counts only if it is equal. A
// value that differs counts only if those behind it differ, too: the first check of them comes with the features, and a
// second one before the end.
func (p *prover) search(ctx context.Context) (first *twin.Point, err error) {
	for {
		open := p.uncovered()
		at := slices.IndexFunc(open, func(x twin.Point) bool { return p.differs(x) })
		before := open
		if at >= 0 {
			before = open[:at]
		}
		next := spread(p.untested(before))
		if len(next) == 0 && at >= 0 {
			next = spread(p.untested(open[at:]))
			if p.hasChecked(open[at:]) {
				return &open[at], nil
			}
		}
		if len(next) == 0 {
			if at >= 0 {
				return &open[at], nil
			}
			return nil, nil
		}
		if err := p.compare(ctx, next); err != nil {
			return nil, err
		}
		if len(p.unproven()) == 0 {
			return nil, nil
		}
	}
}

// uncovered returns the points that no equal value depends on, in the order of the operators.
func (p *prover) uncovered() []twin.Point {
	covered := p.swap.Covered(p.equal)
	return slices.DeleteFunc(slices.Clone(p.swap.Points), func(x twin.Point) bool { return covered[x.B] })
}

// differs reports whether a point has shown a difference.
func (p *prover) differs(x twin.Point) bool {
	d, ok := p.compared[x]
	return ok && x.Sure && d.verdict == unequal
}

func (p *prover) untested(list []twin.Point) []twin.Point {
	return slices.DeleteFunc(slices.Clone(list), func(x twin.Point) bool { _, ok := p.compared[x]; return ok })
}

// hasChecked reports whether values behind the first that differs have been compared: as many as one pass computes, or
// all.
func (p *prover) hasChecked(list []twin.Point) bool {
	tested := len(list) - len(p.untested(list))
	return tested == len(list) || tested > valuesAtOnce
}

// spread returns at most valuesAtOnce of the points, at equal distances, the last one included.
func spread(list []twin.Point) []twin.Point {
	n := min(len(list), valuesAtOnce)
	var chosen []twin.Point
	for i := range n {
		chosen = append(chosen, list[(i+1)*len(list)/n-1])
	}
	return chosen
}

// compare runs both models up to some points and records what differs. An equal value that is not sure shows nothing: a
// factor that is folded wrongly makes two values equal that do not correspond. Features are equal whatever shows it.
func (p *prover) compare(ctx context.Context, points []twin.Point) error {
	if len(points) == 0 {
		return nil
	}
	found, err := p.run(ctx, points)
	if err != nil {
		return err
	}
	maps.Copy(p.compared, found)
	for _, x := range points {
		if p.compared[x].verdict == equal && (x.Sure || slices.Contains(p.swap.Features, x)) {
			p.equal = append(p.equal, x)
			for _, t := range p.swap.Before(x.B) {
				p.confirmed[t] = true
			}
		}
	}
	return nil
}
