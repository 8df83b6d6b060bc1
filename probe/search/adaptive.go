package search

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
)

// adaptive evaluates the ends, the middle, and then whichever alpha is most informative.
func (s *searcher) adaptive(ctx context.Context) (Choice, error) {
	last := len(s.grid) - 1
	for _, i := range []int{0, last} {
		if err := s.run(ctx, i, nil, "the ends are evaluated first, on all validation samples"); err != nil {
			return Choice{}, err
		}
	}
	next, samples := middle(s.grid), s.nearestAtEnds()
	why := "the middle shows how far margins deviate from the line between the ends"
	for {
		if err := s.run(ctx, next, samples, why); err != nil {
			return Choice{}, err
		}
		f := newForecast(s.grid, s.at)
		index, likely := f.choose()
		s.choice.Index, s.choice.Likely = index, likely
		if likely >= s.opt.Confidence || len(s.choice.Evaluated) == s.evaluations {
			s.choice.Why = s.explain(likely)
			return s.choice, nil
		}
		next = f.next()
		samples = least(len(s.at[0]), s.share, func(k int) float64 { return f.sureness(k, next) })
		why = fmt.Sprintf("alpha %v is within one step of the best with probability %.2f; alpha %v is the most informative",
			s.grid[index], likely, s.grid[next])
	}
}

func (s *searcher) explain(likely float64) string {
	seen := "interpolated, not evaluated"
	if s.at[s.choice.Index] != nil {
		seen = "evaluated"
	}
	return fmt.Sprintf("alpha %v (%s): within one step of the grid's choice with probability %.2f; "+
		"%d of %d alphas evaluated, %.2f of %d passes",
		s.grid[s.choice.Index], seen, likely, len(s.choice.Evaluated), len(s.grid), s.choice.Passes, len(s.grid))
}

// middle returns the index of the inner value nearest to the middle of the grid's range.
func middle(grid []float64) int {
	last := len(grid) - 1
	want := (grid[0] + grid[last]) / 2
	best := 1
	for i := 2; i < last; i++ {
		if math.Abs(grid[i]-want) < math.Abs(grid[best]-want) {
			best = i
		}
	}
	return best
}

// nearestAtEnds returns the validation samples that are passed while only the ends are known.
func (s *searcher) nearestAtEnds() []int {
	return Nearest(s.at[0], s.at[len(s.grid)-1], s.share)
}

// Nearest returns the share of samples, sorted, whose class under a model between two others is least certain, given
// their margins under both: those whose margins differ in sign, and those whose margin is nearest to zero under
// either. It is nil, for all, if the share is 1.
func Nearest(a, b []float64, share float64) []int {
	return least(len(a), share, func(k int) float64 {
		if (a[k] > 0) != (b[k] > 0) {
			return 0
		}
		return min(math.Abs(a[k]), math.Abs(b[k]))
	})
}

// least returns the share of n samples, sorted, with the least values; nil for all.
func least(n int, share float64, value func(k int) float64) []int {
	want := int(math.Floor(share*float64(n) + 1e-9))
	if want >= n {
		return nil
	}
	order, values := make([]int, n), make([]float64, n)
	for k := range order {
		order[k], values[k] = k, value(k)
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(values[i], values[j]) })
	return slices.Sorted(slices.Values(order[:max(want, 1)]))
}
