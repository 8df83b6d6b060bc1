package metric

import (
	"cmp"
	"math"
	"slices"
)

// Pareto returns the models that no other dominates: none is at least as good in both figures and better in one.
// Larger is better. The indices are in the order of x; of models that are equal in both figures the first is
// returned. NaN is dominated by everything.
func Pareto(x, y []float64) []int {
	if len(x) != len(y) {
		panic("metric: figures of different models")
	}
	var order []int
	for i := range x {
		if !math.IsNaN(x[i]) && !math.IsNaN(y[i]) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Or(cmp.Compare(x[j], x[i]), cmp.Compare(y[j], y[i])) })
	var front []int
	for _, i := range order {
		if len(front) == 0 || y[i] > y[front[len(front)-1]] {
			front = append(front, i)
		}
	}
	slices.Reverse(front)
	return front
}

// Knee returns the knee of the Pareto set: the model farthest above the line between the ends, with both figures
// scaled to the range of the set (Satopaa et al., Finding a Kneedle in a Haystack, 2011, without smoothing). Of equal
// ones it is that with the smaller x. ok is false if no model lies above the line, as in a set of two.
func Knee(x, y []float64) (knee int, ok bool) {
	front := Pareto(x, y)
	if len(front) < 3 {
		return 0, false
	}
	first, last := front[0], front[len(front)-1]
	// Rounding moves a point off the line by some 1e-16 of the span.
	highest := 1e-12
	for _, i := range front {
		gain := (x[i]-x[first])/(x[last]-x[first]) + (y[i]-y[last])/(y[first]-y[last]) - 1
		if gain > highest {
			knee, ok, highest = i, true, gain
		}
	}
	return knee, ok
}
