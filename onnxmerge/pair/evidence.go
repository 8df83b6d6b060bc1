package pair

import (
	"cmp"
	"math"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

const (
	// Related is the cosine from which two weights count as similar. Fine-tuning leaves .75 and more in most tensors.
	// The root mean square of the cosine of n unrelated numbers is 1/sqrt(n), so that .5 is four standard deviations
	// for the shortest weight that can be an anchor (64 elements).
	Related = 0.5
	// margin is the least difference between the best and the second-best cosine that identifies a counterpart.
	margin = 0.25
	// minAnchorLen is the least number of elements of an anchor.
	minAnchorLen = 64
	// minReliableLen is the least number of elements whose similarity is not a coincidence: of pairs of 16 random
	// elements, one in a million has a correlation of .9.
	minReliableLen = 16
	// identical is the cosine from which no other candidate can be better.
	identical = 1 - 1e-6
	// shortRelated is the cosine from which two short weights or vectors count as similar.
	shortRelated = 0.9
	// maxComparisons bounds the comparisons with weights that may be better counterparts, in all rounds: some seconds.
	maxComparisons = 1 << 22
	// maxCompared bounds the comparisons of one local colour: 1,024 weights with 1,024 others.
	maxCompared = 1 << 20
)

// compareWeights compares weight values and reports whether another round can use the result. Pairs with similar
// weights become anchors. Pairs with dissimilar weights are rejected if a better candidate exists. For the weights
// that have no counterpart, the most similar weight of the same operator, dtype and shape is searched.
//
// Short weights and vectors can only reject a pair.
func (s *search) compareWeights(similarity Likeness) (more bool, err error) {
	w := &evidence{search: s, similarity: similarity, similar: map[*op]*op{}}
	if err := w.comparePairs(); err != nil {
		return false, err
	}
	if err := w.searchRest(); err != nil {
		return false, err
	}
	if !w.changed {
		return false, nil
	}
	w.anchored = true
	for b, a := range w.similar {
		w.anchor(a, b, s.howPaired(b))
	}
	return true, nil
}

// evidence is one comparison of weight values.
type evidence struct {
	*search
	similarity Likeness
	similar    map[*op]*op // by operator of b: the operator of a with similar weights
	changed    bool        // whether another round would see other anchors or rejections
}

// howPaired returns the evidence by which the operator's weights were paired.
func (s *search) howPaired(b *op) How {
	if b.anchorHow != "" {
		return b.anchorHow
	}
	for _, u := range b.uses {
		for _, c := range u.record.candidates {
			return c.how
		}
	}
	return ByWeights
}

// anchor makes two operators anchors with one colour.
func (w *evidence) anchor(a, b *op, how How) {
	if b.anchorHow == "" {
		b.anchorHow = how
	}
	a.anchor = hashOf("anchor", uint64(a.index))
	b.anchor = a.anchor
}

// comparePairs compares the weights that structure has paired.
func (w *evidence) comparePairs() error {
	var suspects []candidate
	betterA := map[*onnx.Tensor]*onnx.Tensor{} // by tensor of b: the better counterpart
	for _, t := range w.b.Tensors {
		for _, c := range w.ofB.of(t).candidates {
			cosine, ok, err := w.similarity(c.a.tensor, t, c.perm)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			c.setCosine(cosine)
			if cosine >= Related && !c.b.isShort() {
				w.similar[c.b.op] = c.a.op
			}
			better, err := w.better(c, cosine)
			if err != nil {
				return err
			}
			if better != nil {
				betterA[t] = better
				suspects = append(suspects, c)
			}
		}
	}
	for _, c := range suspects {
		if w.isKept(c, betterA) {
			continue
		}
		w.closer[betterA[c.b.tensor]] = c.b.tensor
		w.reject(c)
	}
	return nil
}

// isKept reports whether a pair is kept although another weight of a is more similar to b. This holds for short
// weights with equal name and colour, unless two of them were exchanged with each other.
func (w *evidence) isKept(c candidate, betterA map[*onnx.Tensor]*onnx.Tensor) bool {
	if c.b.tensor.Len() >= minReliableLen || c.a.tensor.ID() != c.b.tensor.ID() || isNumbered(c.b.tensor.ID()) {
		return false
	}
	for t, closer := range betterA {
		if closer == c.a.tensor && t != c.b.tensor && w.ofB.of(t).candidates[0].a.tensor == betterA[c.b.tensor] {
			return false
		}
	}
	return true
}

// reject excludes a pair from all further rounds.
func (w *evidence) reject(c candidate) {
	w.rejected[c.key()], w.changed = true, true
	if c.b.isShort() {
		return
	}
	// Downstream colours that contain this pair are not evidence any more.
	c.a.op.anchor = hashOf("apart in a", uint64(c.a.op.index))
	c.b.op.anchor = hashOf("apart in b", uint64(c.b.op.index))
}

// better returns the weight of a that is a better counterpart, possibly the same weight with another axis order; nil
// if there is none.
func (w *evidence) better(c candidate, cosine float64) (*onnx.Tensor, error) {
	enough := c.b.betterFrom(cosine)
	if enough > 1 {
		return nil, nil
	}
	beats := func(a *onnx.Tensor, perm []int) (bool, error) {
		other, ok, err := w.similarity(a, c.b.tensor, perm)
		return ok && other >= enough, err
	}
	for _, perm := range otherLayouts(c) {
		if yes, err := beats(c.a.tensor, perm); yes || err != nil {
			return c.a.tensor, err
		}
	}
	others := w.shapesA[c.b.shapeHash()]
	if coincidences(len(others)*len(others), c.b.tensor.Len(), enough) > 1 {
		return nil, nil // as many searches would find one that is similar by chance
	}
	if w.comparisons += len(others); w.comparisons > maxComparisons {
		return nil, nil
	}
	var unit []float32
	short := w.directionsOf(c.b.shapeHash(), others)
	if short != nil {
		unit = direction(c.b, short.n)
	}
	for i, u := range others {
		if u.tensor == c.a.tensor || short != nil && !short.reaches(unit, i, enough) {
			continue
		}
		if perm, ok := relativePerm(u.permuted, c.b.permuted); ok {
			if yes, err := beats(u.tensor, perm); yes || err != nil {
				return u.tensor, err
			}
		}
	}
	return nil, nil
}

// coincidences returns how many of n unrelated weights of the given length have a correlation above r by chance: the
// probability of one is at most (1 - r^2)^((length-2)/2).
func coincidences(n int, length int64, r float64) float64 {
	return float64(n) * math.Pow(1-r*r, float64(length-2)/2)
}

// betterFrom returns the cosine that another candidate needs to be better than one with the given cosine; more than 1
// if none can be.
func (u *use) betterFrom(cosine float64) float64 {
	switch {
	case u.tensor.Len() < minReliableLen && cosine < identical:
		return max(shortRelated, 1-(1-cosine)/4) // with cos t = 1 - t^2/2, half of the angle t
	case cosine >= u.similarFrom():
		return 2
	}
	return max(u.similarFrom(), cosine+margin)
}

// otherLayouts returns the other axis orders in which the shapes of the pair agree.
func otherLayouts(c candidate) [][]int {
	a, b := c.a.tensor.Dims, c.b.tensor.Dims
	if !slices.Equal(a, b) {
		return nil
	}
	if c.perm != nil {
		return [][]int{nil}
	}
	var layouts [][]int
	for i := range a {
		for k := i + 1; k < len(a); k++ {
			if a[i] != a[k] || a[i] == 1 {
				continue
			}
			var perm []int
			for axis, d := range a {
				switch {
				case axis == i:
					perm = append(perm, k)
				case axis == k:
					perm = append(perm, i)
				case d != 1:
					perm = append(perm, axis)
				}
			}
			layouts = append(layouts, perm)
		}
	}
	return layouts
}

// isShort reports whether the weight cannot be an anchor: it has fewer than 64 elements or is a vector, and scales of
// normalisations are all similar.
func (u *use) isShort() bool { return u.tensor.Len() < minAnchorLen || IsVector(u.shape) }

// similarFrom returns the cosine from which the pair counts as similar.
func (u *use) similarFrom() float64 {
	if u.isShort() {
		return shortRelated
	}
	return Related
}

// searchRest searches counterparts by similarity for the uses that structure has left unpaired, within each local
// colour.
func (w *evidence) searchRest() error {
	kind := func(u *use) (uint64, bool) {
		if u.placed || u.isShort() {
			return 0, false
		}
		return u.localColour(), true
	}
	for as, bs := range shared(groupBy(w.graphA.uses, kind), groupBy(w.graphB.uses, kind)) {
		if len(as)*len(bs) > maxCompared {
			continue
		}
		if err := w.mutual(as, bs); err != nil {
			return err
		}
	}
	return nil
}

// mutual anchors the uses that are each other's most similar counterpart, by the margin or with equal names.
func (w *evidence) mutual(as, bs []*use) error {
	cosines := make([][]float64, len(bs))
	for i, b := range bs {
		cosines[i] = make([]float64, len(as))
		for k, a := range as {
			perm, ok := relativePerm(a.permuted, b.permuted)
			if !ok {
				continue
			}
			cosine, ok, err := w.similarity(a.tensor, b.tensor, perm)
			if err != nil {
				return err
			}
			if ok {
				cosines[i][k] = cosine
			}
		}
	}
	for i, b := range bs {
		row := cosines[i]
		k := best(len(as), func(k int) float64 { return row[k] })
		if k < 0 || row[k] < Related {
			continue
		}
		next := max(w.runnerUp(as, k, func(k int) float64 { return row[k] }),
			w.runnerUp(bs, i, func(i int) float64 { return cosines[i][k] }))
		if row[k]-next < margin && as[k].tensor.ID() != b.tensor.ID() {
			continue
		}
		w.changed = true
		w.anchor(as[k].op, b.op, ByWeights)
	}
	return nil
}

// best returns the index of the largest of n values, -1 if n is 0.
func best(n int, of func(int) float64) int {
	at := -1
	for i := range n {
		if at < 0 || cmp.Less(of(at), of(i)) {
			at = i
		}
	}
	return at
}

// runnerUp returns the largest value among the uses of tensors other than the best one's.
func (w *evidence) runnerUp(uses []*use, best int, of func(int) float64) float64 {
	next := 0.0
	for i, u := range uses {
		if u.tensor != uses[best].tensor {
			next = max(next, of(i))
		}
	}
	return next
}
