package fit

import (
	"cmp"
	"slices"

	"github.com/wiseft/wiseft/internal/fault"
)

// startPairs returns a function that starts the at-th of all pairs: where the last fit of the
// path ended, or from the hyperplanes of the initial classifier.
func (p *problem) startPairs(pairs [][2]int) (func(h *hingePair, at int), error) {
	if p.trail != nil && p.trail.pairs != nil {
		return func(h *hingePair, at int) { h.follow(p.trail.pairs[at]) }, nil
	}
	if p.init == nil {
		return func(*hingePair, int) {}, nil
	}
	planes, err := p.init.hyperplanes()
	if err != nil {
		return nil, err
	}
	return func(h *hingePair, at int) {
		w, b := planes(p.seen[pairs[at][0]], p.seen[pairs[at][1]])
		if w != nil {
			h.startAt(p, w, b)
		}
	}, nil
}

// hyperplanes returns a function that gives the weights and the intercept with which a
// classifier tells class i from class j > i; nil for classes that it did not see. It is an
// error unless the classifier is linear or an svc-ovo.
func (cl *Classifier) hyperplanes() (func(i, j int) ([]float64, float64), error) {
	if cl.Linear() {
		l := cl.Layers[0]
		return func(i, j int) ([]float64, float64) {
			if cl.Unseen(i) || cl.Unseen(j) {
				return nil, 0
			}
			w := make([]float64, cl.Dim)
			for f := range w {
				w[f] = float64(l.W[i*cl.Dim+f]) - float64(l.W[j*cl.Dim+f])
			}
			return w, float64(l.B[i]) - float64(l.B[j])
		}, nil
	}
	var seen []int
	for c := range cl.Classes {
		if !cl.Unseen(c) {
			seen = append(seen, c)
		}
	}
	pairs := pairsOf(len(seen))
	if len(cl.Layers) != 2 || cl.Layers[0].Act != Step || len(cl.Layers[0].B) != len(pairs) {
		return nil, fault.Inputf("initial classifier: is of the solver %s, want one linear layer or svc-ovo", cl.Meta.Solver)
	}
	l := cl.Layers[0]
	return func(i, j int) ([]float64, float64) {
		at, found := slices.BinarySearchFunc(pairs, [2]int{i, j}, func(pair, want [2]int) int {
			return cmp.Or(cmp.Compare(seen[pair[0]], want[0]), cmp.Compare(seen[pair[1]], want[1]))
		})
		if !found {
			return nil, 0
		}
		w := make([]float64, cl.Dim)
		for f, v := range l.W[at*cl.Dim : (at+1)*cl.Dim] {
			w[f] = float64(v)
		}
		return w, float64(l.B[at])
	}, nil
}

// startSigma is the first sigma from a start: a small one gives up much of what it knows.
const startSigma = 1e7

// startAt starts from a hyperplane on plain features. The first rounds find the multipliers.
func (h *hingePair) startAt(p *problem, w []float64, b float64) {
	for j, v := range w {
		b += v * p.mean[j]
		h.w[j] = v / p.scale[j]
	}
	h.w[h.d] = b / h.r
	h.sigma = startSigma / h.size
}

// follow starts where a fit of the same rows with other weights ended: a multiplier at its
// bound stays there, the others stay as they are.
func (h *hingePair) follow(last *hingePair) {
	copy(h.w, last.best.w)
	h.w[h.d] = last.best.b / h.r
	for i, a := range last.alpha {
		h.alpha[i] = min(a, h.c[i])
		if a == last.c[i] {
			h.alpha[i] = h.c[i]
		}
	}
}
