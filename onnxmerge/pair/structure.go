package pair

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"sync"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Find pairs the tensors of two models: a is the pre-trained, b the fine-tuned one. The package comment describes the
// procedure. If similarity is nil, weight values are not compared, only structure and names.
//
// Integers, booleans and strings have no colour: they pair by name, dtype and shape, so that a caller can compare
// them. The given pairs are part of the result whatever structure, names and values say. Find returns only errors of
// similarity, and that of ctx when it ends.
func Find(ctx context.Context, a, b *onnx.Model, similarity Likeness, given ...Given) (*Alignment, error) {
	s, err := newSearch(ctx, a, b)
	if err != nil {
		return nil, err
	}
	s.hasValues = similarity != nil
	s.give(given)
	for range maxRounds {
		if err := s.round(ctx); err != nil {
			return nil, err
		}
		if similarity == nil {
			break
		}
		more, err := s.compareWeights(untilDone(ctx, similarity))
		if err != nil {
			return nil, err
		}
		if renamed := s.findRenaming(); !more && !renamed {
			break
		}
	}
	return s.alignment(ctx)
}

// untilDone returns similarity, which fails when ctx ends.
func untilDone(ctx context.Context, similarity Likeness) Likeness {
	return func(a, b *onnx.Tensor, perm []int) (cosine float64, ok bool, err error) {
		if err := ctx.Err(); err != nil {
			return 0, false, err
		}
		return similarity(a, b, perm)
	}
}

// Given is a pair that the caller states.
type Given struct {
	A, B *onnx.Tensor
	Perm []int // see [Pair]
}

// give records the given pairs, and makes anchors of their operators.
func (s *search) give(given []Given) {
	for i, g := range given {
		s.given[g.B] = g
		as, bs := s.ofA.of(g.A).uses, s.ofB.of(g.B).uses
		for k := range min(len(as), len(bs)) {
			a, b := as[k], bs[k]
			if a.tensor.Len() > 1 && !a.isBias() && !b.isBias() {
				a.op.anchor = hashOf("given", uint64(i), uint64(k))
				b.op.anchor = a.op.anchor
			}
		}
	}
}

// maxRounds bounds the rounds of [Find]. Each round extends the pairing from the anchors, upstream and downstream, to
// the next place where the two graphs differ.
const maxRounds = 8

// search is the state of one [Find]. a and b are the pre-trained and the fine-tuned model.
type search struct {
	a, b           *onnx.Model
	graphA, graphB *reduced
	ofA, ofB       records

	hasValues bool              // values are compared too
	shapesA   map[uint64][]*use // uses of a by the hash of their shape
	// directions of the same, of short vectors; nil for others
	directions map[uint64]*directions

	// Result of one round, beside candidates, cosines, and uses that are placed.
	unclear map[*onnx.Tensor]string // tensors of b without an unambiguous counterpart, with the reason

	// State kept between rounds.
	comparisons int // with weights that may be better counterparts
	rounds      int
	anchored    bool                          // colours depend on anchors
	among       map[*onnx.Tensor]int          // by tensor of b: see Pair.Among
	rejected    map[[2]*onnx.Tensor]bool      // tensors of a and b that do not pair although their structure agrees
	closer      map[*onnx.Tensor]*onnx.Tensor // by tensor of a: a tensor of b more similar than its counterpart
	given       map[*onnx.Tensor]Given        // by tensor of b
	renamed     renaming                      // of names of b

	// Results of [search.alignment].
	unlike   map[*onnx.Tensor]bool // tensors of b whose pair was vetoed by weights and names
	folds    map[*op]*Fold         // by operator of b; nil where it cannot be folded
	foldList []*Fold
}

// candidate is a tensor of the pre-trained model that may be the counterpart of one of the fine-tuned model.
type candidate struct {
	a, b *use
	perm []int // see Pair
	how  How
}

func newSearch(ctx context.Context, a, b *onnx.Model) (*search, error) {
	inputsA, inputsB := inputColours(a, b)
	var graphA, graphB *reduced
	together(func() { graphA = newReduced(a, inputsA) }, func() { graphB = newReduced(b, inputsB) })
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s := &search{a: a, b: b, graphA: graphA, graphB: graphB, among: map[*onnx.Tensor]int{},
		rejected: map[[2]*onnx.Tensor]bool{},
		closer:   map[*onnx.Tensor]*onnx.Tensor{}, given: map[*onnx.Tensor]Given{},
		unlike: map[*onnx.Tensor]bool{}, folds: map[*op]*Fold{}}
	together(func() { s.ofA = newRecords(a, graphA) }, func() { s.ofB = newRecords(b, graphB) })
	s.shapesA, s.directions = map[uint64][]*use{}, map[uint64]*directions{}
	for _, u := range s.graphA.uses {
		shape := u.shapeHash()
		s.shapesA[shape] = append(s.shapesA[shape], u)
	}
	return s, ctx.Err()
}

// together calls both functions at the same time.
func together(a, b func()) {
	var both sync.WaitGroup
	both.Go(a)
	b()
	both.Wait()
}

// round colours both graphs from the inputs and the anchors, and pairs equal colours.
func (s *search) round(ctx context.Context) error {
	together(s.graphA.refine, s.graphB.refine)
	if err := ctx.Err(); err != nil {
		return err
	}
	s.unclear = map[*onnx.Tensor]string{}
	s.ofA.reset()
	s.ofB.reset()
	var as, bs []colourGroup
	together(func() { as = group(s.graphA.uses, 0) }, func() { bs = group(s.graphB.uses, 0) })
	s.pairGroups(as, bs, 0)
	if s.rounds > 0 {
		s.pairNeighbourhoods()
	}
	s.rounds++
	return ctx.Err()
}

// pairGroups pairs the uses of each colour. horizon is the downstream depth that the colours include.
func (s *search) pairGroups(as, bs []colourGroup, horizon int) {
	for a, b := range shared(as, bs) {
		s.pairGroup(a, b, horizon)
	}
}

// pairGroup pairs the uses of one colour. If several tensors share it, it refines the colour by one more downstream
// operator; if no refined colour occurs on both sides, it falls back to names.
func (s *search) pairGroup(as, bs []*use, horizon int) {
	if s.addIfOne(as, bs, s.byPart(bs[0])) {
		return
	}
	if horizon < maxHorizon {
		ga, gb := group(as, horizon+1), group(bs, horizon+1)
		for range shared(ga, gb) {
			s.pairGroups(ga, gb, horizon+1)
			return
		}
	}
	s.byName(as, bs)
}

// addIfOne pairs the tensors of as and bs if each side has exactly one.
func (s *search) addIfOne(as, bs []*use, how How) bool {
	if !areOne(as) || !areOne(bs) {
		return false
	}
	s.add(as[0], bs[0], how)
	for _, uses := range [][]*use{as, bs} {
		for _, u := range uses {
			u.placed = true
		}
	}
	return true
}

// areOne reports whether uses are of one tensor. There must be one use at least.
func areOne(uses []*use) bool {
	return !slices.ContainsFunc(uses[1:], func(u *use) bool { return u.tensor != uses[0].tensor })
}

// byPart returns the evidence for a pair of equal colours.
func (s *search) byPart(b *use) How {
	switch {
	case b.op.anchorHow != "":
		return b.op.anchorHow
	case s.anchored:
		return Around
	}
	return ByPart
}

// byName pairs the uses of one colour by name. Every tensor of the smaller side must have a tensor of the same name
// on the other side: a single renamed tensor makes all names unreliable. Tensors without a namesake stay unpaired.
func (s *search) byName(as, bs []*use) {
	byID := map[string]*use{}
	for _, u := range as {
		byID[u.tensor.ID()] = u
	}
	ta, tb := tensorsOf(as), tensorsOf(bs)
	counterpart := func(t *onnx.Tensor) *use {
		if a := s.namesake(t); a != nil {
			return byID[a.ID()]
		}
		return byID[s.renamed.toA(t.ID())]
	}
	named := 0
	numbered := false
	for _, t := range tb {
		if s.among[t] == 0 {
			s.among[t] = len(ta)
		}
		if counterpart(t) != nil {
			named++
			numbered = numbered || isNumbered(t.ID())
		}
	}
	isShared := len(as) == len(bs) && areEqual(ta, allAxes) // any of them gives the same mix
	all := len(ta) == len(tb) || named == len(tb)
	if named >= min(len(ta), len(tb)) && (all || !numbered) || isShared {
		for _, u := range bs {
			if a := counterpart(u.tensor); a != nil {
				s.add(a, u, ByNames)
			} else if isShared {
				s.add(as[0], u, s.byPart(u))
			}
		}
		return
	}
	if s.byEquality(as, bs) {
		return
	}
	var names []string
	for _, t := range ta {
		names = append(names, t.ID())
	}
	for _, t := range tb {
		s.unclear[t] = fmt.Sprintf("structure does not distinguish the %d weights of the pre-trained model that fit (%s)",
			len(names), shortList(names))
	}
}

// numbers matches names that exporters generate by counting operators. One additional operator shifts all of them, so
// they are no evidence across files.
var numbers = regexp.MustCompile(`^(onnx::\w+_|val_)?\d+$`)

func isNumbered(name string) bool { return numbers.MatchString(name) }

// add records a as a candidate for b.
func (s *search) add(a, b *use, how How) {
	if s.rejected[[2]*onnx.Tensor{a.tensor, b.tensor}] {
		s.unclear[b.tensor] = fmt.Sprintf("it has the place of %q in the graph, but its weights are similar to those of "+
			"another tensor", a.tensor.ID())
		return
	}
	perm, ok := relativePerm(a.permuted, b.permuted)
	if dtypeClass(a.tensor.DType) != dtypeClass(b.tensor.DType) || a.tensor.Len() != b.tensor.Len() {
		ok = false // hash collision
	}
	if !ok {
		s.unclear[b.tensor] = fmt.Sprintf("the axes of %q cannot be matched", a.tensor.ID())
		return
	}
	a.placed, b.placed = true, true
	found := candidate{a, b, perm, how}
	for _, c := range b.record.candidates {
		if c.isSame(found) && c.oneScaled() == found.oneScaled() {
			return
		}
	}
	b.record.candidates = append(b.record.candidates, found)
}

// key returns the tensors of the candidate.
func (c candidate) key() [2]*onnx.Tensor { return [2]*onnx.Tensor{c.a.tensor, c.b.tensor} }

// isSame reports whether both candidates pair the same tensors with the same axis order.
func (c candidate) isSame(d candidate) bool {
	return c.a.tensor == d.a.tensor && slices.Equal(c.perm, d.perm)
}

// isList reports whether a tensor has one axis.
func (v *permuted) isList() bool { return len(v.perm) == 1 && len(v.shape) == 1 }

// relativePerm returns the perm of [Pair] for two permuted tensors: nil if their stored axis orders agree. Axes of
// length 1 are ignored. ok is false if the numbers of other axes differ.
func relativePerm(a, b *permuted) (perm []int, ok bool) {
	if a.isList() && b.isList() && (a.shape[0] == 1) == (b.shape[0] == 1) {
		return nil, true
	}
	if len(a.perm) != len(a.shape) || len(b.perm) != len(b.shape) {
		return nil, false
	}
	if slices.Equal(a.shape, b.shape) && slices.Equal(a.perm, b.perm) {
		return nil, true
	}
	axes := func(v *permuted) (list []int) {
		for i, d := range v.shape {
			if d != 1 {
				list = append(list, v.perm[i])
			}
		}
		return list
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

func tensorsOf(uses []*use) []*onnx.Tensor {
	var out []*onnx.Tensor
	seen := make(map[*onnx.Tensor]bool, len(uses))
	for _, u := range uses {
		if !seen[u.tensor] {
			seen[u.tensor] = true
			out = append(out, u.tensor)
		}
	}
	return out
}
