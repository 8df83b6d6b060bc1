package fit

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// hingeOptimum is where [hingePair] got to.
type hingeOptimum struct {
	w         []float64 // d
	b         float64
	objective float64
	gap       float64 // between it and the dual objective
	violation float64 // of the optimality conditions, by two rows, at most
}

// measure returns what w and alpha are worth.
func (h *hingePair) measure() hingeOptimum {
	target := make([]float64, len(h.alpha)) // the intercept that leaves a row no slack
	for i, s := range h.sign {
		target[i] = s - floats.Dot(h.w[:h.d], h.row(i)[:h.d])
	}
	b := h.intercept(target)
	f, scale := h.primal(target, b)
	at := hingeOptimum{
		w: slices.Clone(h.w[:h.d]), b: scale * b,
		objective: f, gap: f - h.dual(), violation: h.violation(target),
	}
	floats.Scale(scale, at.w)
	return at
}

// intercept returns the b that minimises sum_i c_i max(0, s_i (target_i - b)). Free support
// vectors agree on it; without any, it is the middle of an interval, as in LIBSVM.
func (h *hingePair) intercept(target []float64) float64 {
	order := make([]int, len(target))
	slope := 0.0 // of the sum, below all targets
	for i, s := range h.sign {
		order[i] = i
		if s > 0 {
			slope -= h.c[i]
		}
	}
	// Every target adds its c to the slope, which is 0 where those sums of c are equal.
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

// primal returns the objective of w and b, both times scale: 1, or what leaves no row any
// slack, if that is better. Slacks of 1e-16, which are rounding, times a large C may be more
// than the rest of the objective.
func (h *hingePair) primal(target []float64, b float64) (f, scale float64) {
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

// dual returns the dual objective of alpha, the larger of the sums of both classes, which must
// be equal, scaled down to the other.
func (h *hingePair) dual() float64 {
	var sums [2]float64
	for i, a := range h.alpha {
		sums[h.side(i)] += a
	}
	low := min(sums[0], sums[1])
	w, total := make([]float64, h.d), 0.0
	for i, a := range h.alpha {
		if a > 0 && low > 0 {
			a *= low / sums[h.side(i)]
			floats.AddScaled(w, a*h.sign[i], h.row(i)[:h.d])
			total += a
		}
	}
	return total - 0.5*floats.Dot(w, w)
}

// side is 0 for rows of the first class of the pair, 1 for those of the second.
func (h *hingePair) side(i int) int {
	if h.sign[i] > 0 {
		return 0
	}
	return 1
}

// violation returns by how much two rows contradict each other about the intercept.
func (h *hingePair) violation(target []float64) float64 {
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
