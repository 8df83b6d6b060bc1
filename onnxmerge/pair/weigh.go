package pair

import (
	"cmp"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

const (
	// Related is the cosine from which on two weights count as alike. Fine-tuning leaves
	// .75 and more in most tensors. Of n unrelated numbers it is 1/sqrt(n) in the mean
	// square, so that .5 is four of these for the shortest that prove something.
	Related = 0.5
	// margin is how much better than the next a counterpart must be.
	margin = 0.25
	// minProof is the least number of elements that prove something alone.
	minProof = 64
	// minChance is the least number of elements that are not alike by chance: of 16, one in
	// a million pairs has a correlation of .9.
	minChance = 16
	// identical is the cosine from which on nothing can be better.
	identical = 1 - 1e-6
	// same is the cosine from which on two short weights count as the same.
	same = 0.9
	// maxCompared bounds the comparisons among weights of one kind, those of a thousand
	// weights with a thousand others.
	maxCompared = 1 << 20
)

// weigh asks the weights. Pairs that are alike become anchors, pairs that are not while a
// better one exists are taken apart, and what structure left open is looked for among all
// weights of its kind. It reports whether there is something to follow in a new round.
//
// Short weights and vectors only speak against a pair.
func (s *search) weigh(alike Likeness) (more bool, err error) {
	w := &weighing{search: s, alike: alike, verified: map[*op]*op{}}
	if err := w.pairs(); err != nil {
		return false, err
	}
	if err := w.rest(); err != nil {
		return false, err
	}
	if !w.found {
		return false, nil
	}
	for b, a := range w.verified {
		w.anchor(a, b, s.proofOf(b))
	}
	return true, nil
}

// weighing is one round of asking the weights.
type weighing struct {
	*search
	alike    Likeness
	verified map[*op]*op // of b and a, whose weights are alike
	found    bool        // something that changes the structure
}

// proofOf is how the operator's weights were paired.
func (s *search) proofOf(b *op) How {
	if how, ok := s.proof[b]; ok {
		return how
	}
	for _, u := range b.uses {
		for _, c := range s.from[u.tensor] {
			return c.how
		}
	}
	return ByWeights
}

// anchor notes that what two operators compute is the same.
func (w *weighing) anchor(a, b *op, how How) {
	if w.proof[b] == "" {
		w.proof[b] = how
	}
	a.anchor = hashOf("anchor", uint64(a.index))
	b.anchor = a.anchor
}

// pairs judges what structure has paired.
func (w *weighing) pairs() error {
	var doubtful []candidate
	claims := map[*onnx.Tensor]*onnx.Tensor{} // by tensor of b: which one of a is a better counterpart
	for _, t := range w.b.Tensors {
		for _, c := range w.from[t] {
			cosine, ok, err := w.alike(c.a.tensor, t, c.perm)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			w.cosines[t] = cosine
			if cosine >= Related && !c.b.isShort() {
				w.verified[c.b.op] = c.a.op
			}
			better, err := w.better(c, cosine)
			if err != nil {
				return err
			}
			if better != nil {
				claims[t] = better
				doubtful = append(doubtful, c)
			}
		}
	}
	for _, c := range doubtful {
		if w.isProved(c, claims) {
			continue
		}
		w.claimed[claims[c.b.tensor]] = c.b.tensor
		w.takeApart(c)
	}
	return nil
}

// isProved reports whether a pair stands although another weight of a is more like b: short
// weights of one name and part do, unless both were exchanged with each other.
func (w *weighing) isProved(c candidate, claims map[*onnx.Tensor]*onnx.Tensor) bool {
	if c.b.tensor.Len() >= minChance || c.a.tensor.ID() != c.b.tensor.ID() || isNumbered(c.b.tensor.ID()) {
		return false
	}
	for t, claimed := range claims {
		if claimed == c.a.tensor && t != c.b.tensor && w.from[t][0].a.tensor == claims[c.b.tensor] {
			return false
		}
	}
	return true
}

// takeApart notes that a pair of structure is none.
func (w *weighing) takeApart(c candidate) {
	w.apart[[2]*onnx.Tensor{c.a.tensor, c.b.tensor}], w.found = true, true
	if c.b.isShort() {
		return
	}
	// Whatever comes after it has lost its proof.
	c.a.op.anchor = hashOf("apart in a", uint64(c.a.op.index))
	c.b.op.anchor = hashOf("apart in b", uint64(c.b.op.index))
}

// better returns the weight of a that is a better counterpart, which may be the same one
// in another layout; nil if there is none.
func (w *weighing) better(c candidate, cosine float64) (*onnx.Tensor, error) {
	enough := c.b.better(cosine)
	if enough > 1 {
		return nil, nil
	}
	beats := func(a *onnx.Tensor, perm []int) (bool, error) {
		other, ok, err := w.alike(a, c.b.tensor, perm)
		return ok && other >= enough, err
	}
	for _, perm := range otherLayouts(c) {
		if yes, err := beats(c.a.tensor, perm); yes || err != nil {
			return c.a.tensor, err
		}
	}
	for _, u := range w.formA.uses {
		if u.tensor == c.a.tensor || u.shapeHash() != c.b.shapeHash() {
			continue
		}
		if perm, ok := relativePerm(u.view, c.b.view); ok {
			if yes, err := beats(u.tensor, perm); yes || err != nil {
				return u.tensor, err
			}
		}
	}
	return nil, nil
}

// better is the cosine that another counterpart needs to speak against one of the given
// cosine; more than 1 if none can.
func (u *use) better(cosine float64) float64 {
	switch {
	case u.tensor.Len() < minChance && cosine < identical:
		return max(same, 1-(1-cosine)/4) // a quarter of the angle's square
	case cosine >= u.enough():
		return 2
	}
	return max(u.enough(), cosine+margin)
}

// otherLayouts are the orders of axes in which the pair would fit, too.
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

// isShort reports whether the weight is too short to prove anything alone, or a vector:
// scales are all near 1, and so alike.
func (u *use) isShort() bool { return u.tensor.Len() < minProof || IsVector(u.shape) }

// enough is the cosine that speaks for a pair.
func (u *use) enough() float64 {
	if u.isShort() {
		return same
	}
	return Related
}

// rest looks for the counterparts of what structure left open, among weights of one kind.
func (w *weighing) rest() error {
	as, bs := map[uint64][]*use{}, map[uint64][]*use{}
	for _, u := range w.formA.uses {
		if !w.placed[u] && !u.isShort() {
			as[u.kind()] = append(as[u.kind()], u)
		}
	}
	for _, u := range w.formB.uses {
		if !w.placed[u] && !u.isShort() {
			bs[u.kind()] = append(bs[u.kind()], u)
		}
	}
	for _, kind := range sortedKeys(bs) {
		if len(as[kind])*len(bs[kind]) > maxCompared {
			continue
		}
		if err := w.mutual(as[kind], bs[kind]); err != nil {
			return err
		}
	}
	return nil
}

// mutual anchors the uses that are each other's best counterpart by a margin.
func (w *weighing) mutual(as, bs []*use) error {
	cosines := make([][]float64, len(bs))
	for i, b := range bs {
		cosines[i] = make([]float64, len(as))
		for k, a := range as {
			perm, ok := relativePerm(a.view, b.view)
			if !ok {
				continue
			}
			cosine, ok, err := w.alike(a.tensor, b.tensor, perm)
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
		next := max(w.runnerUp(as, k, func(k int) float64 { return row[k] }), w.runnerUp(bs, i, func(i int) float64 { return cosines[i][k] }))
		if row[k]-next < margin && as[k].tensor.ID() != b.tensor.ID() {
			continue
		}
		w.found = true
		w.anchor(as[k].op, b.op, ByWeights)
	}
	return nil
}

// best returns the index of the largest of n values, -1 if there is none.
func best(n int, of func(int) float64) int {
	at := -1
	for i := range n {
		if at < 0 || cmp.Less(of(at), of(i)) {
			at = i
		}
	}
	return at
}

// runnerUp returns the largest of the values that are of another tensor than that of the
// use at best.
func (w *weighing) runnerUp(uses []*use, best int, of func(int) float64) float64 {
	next := 0.0
	for i, u := range uses {
		if u.tensor != uses[best].tensor {
			next = max(next, of(i))
		}
	}
	return next
}
