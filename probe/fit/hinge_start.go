package fit

import (
	"cmp"
	"slices"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/fit/internal/hinge"
)

// startPairs returns a function that sets the start of pair number at: the end of the last fit of the path, or a
// hyperplane of the initial classifier.
func (p *problem) startPairs(pairs [][2]int) (func(h *hinge.Pair, at int), error) {
	if p.path != nil && p.path.pairs != nil {
		return func(h *hinge.Pair, at int) { h.Follow(p.path.pairs[at]) }, nil
	}
	if p.init == nil {
		return func(*hinge.Pair, int) {}, nil
	}
	planes, err := p.init.hyperplanes()
	if err != nil {
		return nil, err
	}
	return func(h *hinge.Pair, at int) {
		w, b := planes(p.seen[pairs[at][0]], p.seen[pairs[at][1]])
		if w != nil {
			h.StartAt(p.Rows, w, b)
		}
	}, nil
}

// hyperplanes returns a function that gives weights and intercept of the hyperplane by which a classifier separates
// class i from class j > i; nil for classes without training samples. It is an error unless the classifier is linear
// or an svc-ovo.
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
			return w, l.B[i] - l.B[j]
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
		return w, l.B[at]
	}, nil
}
