package hinge

import "github.com/wiseft/wiseft/probe/fit/internal/scaled"

// startSigma is the first sigma from a start. With a small one, the first rounds move far away from the start.
const startSigma = 1e7

// StartAt sets the start to a hyperplane on unscaled features. The first rounds find its multipliers.
func (h *Pair) StartAt(p *scaled.Rows, w []float64, b float64) {
	for j, v := range w {
		b += v * p.Mean[j]
		h.w[j] = v / p.Scale[j]
	}
	h.w[h.d] = b / h.r
	h.sigma = startSigma / h.size
}

// Follow sets the start to the end of a fit of the same rows with other weights: a multiplier at its bound is set to
// the new bound, the others stay as they are.
func (h *Pair) Follow(last *Pair) {
	copy(h.w, last.Best.W)
	h.w[h.d] = last.Best.B / h.r
	for i, a := range last.alpha {
		h.alpha[i] = min(a, h.c[i])
		if a == last.c[i] {
			h.alpha[i] = h.c[i]
		}
	}
}
