package hinge

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// PairOptimum is the best point that [Pair.Solve] found.
type PairOptimum struct {
	W         []float64 // d
	B         float64
	Objective float64
	Gap       float64 // objective minus dual objective
	Violation float64 // largest contradiction of two rows about the intercept
}

// measure returns objective, duality gap and violation at w and alpha.
func (h *Pair) measure() PairOptimum {
	target := make([]float64, len(h.alpha)) // the intercept at which a row has slack 0
	for i, s := range h.sign {
		target[i] = s - floats.Dot(h.w[:h.d], h.row(i)[:h.d])
	}
	b := h.intercept(target)
	f, scale := h.primal(target, b)
	at := PairOptimum{
		W: slices.Clone(h.w[:h.d]), B: scale * b,
		Objective: f, Gap: f - h.dual(), Violation: h.violation(target),
	}
	floats.Scale(scale, at.W)
	return at
}

// intercept returns the b that minimises sum_i c_i max(0, s_i (target_i - b)). It is the target of the free support
// vectors; without any, the middle of an interval, as in LIBSVM.
func (h *Pair) intercept(target []float64) float64 {
	order := make([]int, len(target))
	slope := 0.0 // of the sum, left of all targets
	for i, s := range h.sign {
		order[i] = i
		if s > 0 {
			slope -= h.c[i]
		}
	}
	// Each target adds its c to the slope. Where the sums of c are equal, the slope is 0 up to rounding.
	noise := 1e-12 * floats.Sum(h.c)
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(target[i], target[j]) })
	for at, i := range order {
		slope += h.c[i]
		if math.Abs(slope) <= noise {
			return (target[i] + target[order[min(at+1, len(order)-1)]]) / 2
		}
		if slope > 0 {
			return target[i]
		}
	}
	return target[order[len(order)-1]]
}

// primal returns the objective of w and b, both times scale. scale is 1, or the factor that makes all slacks 0 if
// that gives a lower objective: slacks of 1e-16, which are rounding, times a large C may exceed the rest of the
// objective.
func (h *Pair) primal(target []float64, b float64) (f, scale float64) {
	most := 0.0
	for i, s := range h.sign {
		most = max(most, s*(target[i]-b))
	}
	squares := floats.Dot(h.w[:h.d], h.w[:h.d])
	f = math.Inf(1)
	for _, t := range []float64{1, (1 + 0x1p-50) / (1 - most)} {
		g := 0.5 * t * t * squares
		for i, s := range h.sign {
			g += h.c[i] * max(0, 1-t*(1-s*(target[i]-b)))
		}
		if t > 0 && g < f {
			f, scale = g, t
		}
	}
	return f, scale
}

// dual returns the dual objective of the multipliers, balanced.
func (h *Pair) dual() float64 {
	w, total := make([]float64, h.d), 0.0
	for i, a := range h.balanced() {
		if a > 0 {
			floats.AddScaled(w, a*h.sign[i], h.row(i)[:h.d])
			total += a
		}
	}
	return total - 0.5*floats.Dot(w, w)
}

// balanced returns the multipliers changed such that their sums over the two classes are equal, which the dual
// problem demands. Rounding leaves a difference that is small beside the sums, and would not be small beside the gap
// if all multipliers of a class were scaled: those of rows with much slack have the weight of the slack in the
// objective. So either the multipliers of the class with the larger sum decrease, or the others' increase, those first
// that lower the objective the least.
func (h *Pair) balanced() []float64 {
	alpha := slices.Clone(h.alpha)
	excess, larger := floats.Dot(alpha, h.sign), 1.0
	if excess < 0 {
		excess, larger = -excess, -1
	}
	cost := make([]float64, len(alpha)) // per unit of change
	order := make([]int, len(alpha))
	for i := range alpha {
		order[i], cost[i] = i, larger*h.sign[i]*h.slack[i]
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(cost[i], cost[j]) })
	for _, i := range order {
		if h.sign[i] == larger {
			change := min(alpha[i], excess)
			alpha[i], excess = alpha[i]-change, excess-change
		} else {
			change := min(h.c[i]-alpha[i], excess)
			alpha[i], excess = alpha[i]+change, excess-change
		}
	}
	return alpha
}

// violation returns the largest amount by which two rows contradict each other about the intercept.
func (h *Pair) violation(target []float64) float64 {
	top, low := math.Inf(-1), math.Inf(1)
	for i, a := range h.alpha {
		positive := h.sign[i] > 0
		if positive && a < h.c[i] || !positive && a > 0 {
			top = max(top, target[i])
		}
		if positive && a > 0 || !positive && a < h.c[i] {
			low = min(low, target[i])
		}
	}
	return max(0, top-low)
}
