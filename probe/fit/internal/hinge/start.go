package hinge

import "github.com/wiseft/wiseft/probe/fit/internal/scaled"

// startSigma is the first sigma from a start: a small one gives up much of what it knows.
const startSigma = 1e7

// startAt starts from a hyperplane on plain features. The first rounds find the multipliers.
func (h *Pair) StartAt(p *scaled.Rows, w []float64, b float64) {
	for j, v := range w {
		b += v * p.Mean[j]
		h.w[j] = v / p.Scale[j]
	}
	h.w[h.d] = b / h.r
	h.sigma = startSigma / h.size
}

// follow starts where a fit of the same rows with other weights ended: a multiplier at its
// bound stays there, the others stay as they are.
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
