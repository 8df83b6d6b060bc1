package pair

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Find pairs the tensors of two models by the part they play: the operator that takes
// them, all that leads to it, and where that leaves a choice, what follows. Names decide
// only between tensors that structure cannot tell apart, and then the pair says so. alike
// may be nil; then structure and names are all there is.
//
// Integers and their like play no part: they pair by name, dtype and shape, to be
// compared. The errors are those of alike.
func Find(a, b *onnx.Model, alike Likeness) (*Alignment, error) {
	s := newSearch(a, b)
	for range maxRounds {
		s.round()
		if alike == nil {
			break
		}
		more, err := s.weigh(alike)
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
	}
	return s.alignment(), nil
}

// maxRounds bounds the rounds. Each follows structure from anchors to the next place that
// is written differently on both of its sides, so that a few are enough.
const maxRounds = 8

// search is a pairing in the making. A and b are the pre-trained and the fine-tuned model.
type search struct {
	a, b           *onnx.Model
	formA, formB   *form
	kindsA, kindsB map[*onnx.Tensor][]*use

	// What a round finds.
	from    map[*onnx.Tensor][]candidate // by tensor of b
	placed  map[*use]bool                // uses of both models that have a counterpart
	unclear map[*onnx.Tensor]string      // tensors of b that structure and names leave open, with the reason
	cosines map[*onnx.Tensor]float64     // of tensors of b with their counterparts

	// What stays from round to round.
	rounds  int
	among   map[*onnx.Tensor]int          // of how many, for tensors of b that structure left open
	proof   map[*op]How                   // of operators of b that are anchors
	apart   map[[2]*onnx.Tensor]bool      // of a and b: no pair, whatever structure says
	claimed map[*onnx.Tensor]*onnx.Tensor // tensors of a, and which of b is more like them than its own counterpart

	// What the end makes of it.
	unlike   map[*onnx.Tensor]bool // tensors of b that are unclear because weights and names speak against their pair
	folds    map[*op]*Fold         // by operator of b; nil where it is none
	foldList []*Fold
}

// candidate is a tensor of the pre-trained model that plays the part of one of the
// fine-tuned one.
type candidate struct {
	a, b *use
	perm []int // see Pair
	how  How
}

func newSearch(a, b *onnx.Model) *search {
	s := &search{a: a, b: b, formA: newForm(a), formB: newForm(b), among: map[*onnx.Tensor]int{}, proof: map[*op]How{}, apart: map[[2]*onnx.Tensor]bool{},
		claimed: map[*onnx.Tensor]*onnx.Tensor{}, unlike: map[*onnx.Tensor]bool{}, folds: map[*op]*Fold{}}
	s.kindsA, s.kindsB = s.formA.byTensor(), s.formB.byTensor()
	return s
}

// byTensor returns where each tensor is used.
func (f *form) byTensor() map[*onnx.Tensor][]*use {
	uses := map[*onnx.Tensor][]*use{}
	for _, u := range f.uses {
		uses[u.tensor] = append(uses[u.tensor], u)
	}
	return uses
}

// round pairs by structure, from the inputs and the anchors on.
func (s *search) round() {
	s.formA.paint()
	s.formB.paint()
	s.placed = map[*use]bool{}
	s.from, s.unclear, s.cosines = map[*onnx.Tensor][]candidate{}, map[*onnx.Tensor]string{}, map[*onnx.Tensor]float64{}
	s.pairGroups(group(s.formA.uses, 0), group(s.formB.uses, 0), 0)
	if s.rounds > 0 {
		s.pairAround()
	}
	s.rounds++
}

// pairGroups pairs the uses of each colour, at a horizon at which they are grouped.
func (s *search) pairGroups(as, bs map[uint64][]*use, horizon int) {
	for _, colour := range sortedKeys(bs) {
		s.pairGroup(as[colour], bs[colour], horizon)
	}
}

// pairGroup pairs uses of one colour. Where several tensors have it, it looks further;
// where that tells nothing more, names decide.
func (s *search) pairGroup(as, bs []*use, horizon int) {
	if len(as) == 0 {
		return
	}
	if s.addIfOne(as, bs, s.byPart(bs[0])) {
		return
	}
	if horizon < maxHorizon {
		ga, gb := group(as, horizon+1), group(bs, horizon+1)
		for colour := range gb {
			if len(ga[colour]) > 0 {
				s.pairGroups(ga, gb, horizon+1)
				return
			}
		}
	}
	s.byName(as, bs)
}

// addIfOne pairs the tensors of uses that have one part, if there is one on each side.
func (s *search) addIfOne(as, bs []*use, how How) bool {
	if len(tensorsOf(as)) != 1 || len(tensorsOf(bs)) != 1 {
		return false
	}
	s.add(as[0], bs[0], how)
	for _, u := range slices.Concat(as, bs) {
		s.placed[u] = true
	}
	return true
}

// byPart is the proof of a pair whose part is the same.
func (s *search) byPart(b *use) How {
	switch how, anchored := s.proof[b.op]; {
	case anchored:
		return how
	case s.rounds > 0:
		return Around
	}
	return ByPart
}

// byName pairs uses that structure cannot tell apart. All tensors of one side must have
// their namesake among the others: one drifted name, and the rest proves nothing. What
// the other side has beyond these is its own.
func (s *search) byName(as, bs []*use) {
	byID := map[string]*use{}
	for _, u := range as {
		byID[u.tensor.ID()] = u
	}
	ta, tb := tensorsOf(as), tensorsOf(bs)
	named := 0
	numbered := false
	for _, t := range tb {
		if s.among[t] == 0 {
			s.among[t] = len(ta)
		}
		if byID[t.ID()] != nil {
			named++
			numbered = numbered || isNumbered(t.ID())
		}
	}
	all := len(ta) == len(tb)
	if named == min(len(ta), len(tb)) && (all || !numbered) {
		for _, u := range bs {
			if a := byID[u.tensor.ID()]; a != nil {
				s.add(a, u, ByNames)
			}
		}
		return
	}
	var names []string
	for _, t := range ta {
		names = append(names, t.ID())
	}
	for _, t := range tb {
		s.unclear[t] = fmt.Sprintf("structure cannot tell which weight of the pre-trained model it is; %d have its part (%s)", len(names), shortList(names))
	}
}

// numbers are the names that exporters make by counting what they compute. One operator
// more or less shifts them, so that they say nothing of another file.
var numbers = regexp.MustCompile(`^(onnx::\w+_|val_)?\d+$`)

func isNumbered(name string) bool { return numbers.MatchString(name) }

// add notes that a plays the part of b.
func (s *search) add(a, b *use, how How) {
	if s.apart[[2]*onnx.Tensor{a.tensor, b.tensor}] {
		s.unclear[b.tensor] = fmt.Sprintf("it has the place of %q, but its weights are like those of another", a.tensor.ID())
		return
	}
	perm, ok := relativePerm(a.view, b.view)
	if a.tensor.DType != b.tensor.DType || a.tensor.Len() != b.tensor.Len() {
		ok = false // two colours that are one by chance
	}
	if !ok {
		s.unclear[b.tensor] = fmt.Sprintf("the axes of %q cannot be matched", a.tensor.ID())
		return
	}
	s.placed[a], s.placed[b] = true, true
	found := candidate{a, b, perm, how}
	for _, c := range s.from[b.tensor] {
		if c.isSame(found) && c.oneNormed() == found.oneNormed() {
			return
		}
	}
	s.from[b.tensor] = append(s.from[b.tensor], found)
}

// isSame reports whether both pair the same tensors in the same layout.
func (c candidate) isSame(d candidate) bool {
	return c.a.tensor == d.a.tensor && slices.Equal(c.perm, d.perm)
}

// oneNormed reports whether one of the pair has a BatchNormalization behind it and the
// other has none.
func (c candidate) oneNormed() bool { return (c.a.op.norm == nil) != (c.b.op.norm == nil) }

// relativePerm returns for each axis of b's tensor the axis of a's that it is, nil if
// these are the same. Axes of length 1 do not count.
func relativePerm(a, b view) (perm []int, ok bool) {
	axes := func(v view) (list []int) {
		for i, d := range v.shape {
			if d != 1 {
				list = append(list, v.perm[i])
			}
		}
		return list
	}
	if len(a.perm) != len(a.shape) || len(b.perm) != len(b.shape) {
		return nil, false
	}
	from, to := axes(a), axes(b)
	if len(from) != len(to) {
		return nil, false
	}
	order := slices.Sorted(slices.Values(to))
	place := slices.Sorted(slices.Values(from))
	identity := true
	for i := range order {
		axis := from[slices.Index(to, order[i])]
		perm = append(perm, axis)
		identity = identity && axis == place[i]
	}
	if identity {
		return nil, true
	}
	return perm, true
}

func group(uses []*use, horizon int) map[uint64][]*use {
	out := map[uint64][]*use{}
	for _, u := range uses {
		c := u.colour
		if horizon > 0 {
			c = u.refined(horizon)
		}
		out[c] = append(out[c], u)
	}
	return out
}

func sortedKeys[T any](m map[uint64]T) []uint64 {
	var keys []uint64
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func tensorsOf(uses []*use) []*onnx.Tensor {
	var out []*onnx.Tensor
	for _, u := range uses {
		if !slices.Contains(out, u.tensor) {
			out = append(out, u.tensor)
		}
	}
	return out
}
