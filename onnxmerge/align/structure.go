package align

import (
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/graph"
)

// ByStructure pairs the tensors of two models by the part they play: the operator that
// takes them, all that leads to it, and where that leaves a choice, what follows. Names
// decide only between tensors that structure cannot tell apart, and then the pair says
// so. A tensor that both models name alike but that plays another part is a conflict.
//
// Integers and their like play no part: they pair by name, dtype and shape, to be
// compared.
func ByStructure(a, b *graph.Model) (*Alignment, error) {
	s := &search{a: a, b: b, from: map[*graph.Tensor][]candidate{}, used: map[*graph.Tensor]bool{}, unclear: map[*graph.Tensor]string{}}
	var err error
	if s.rolesA, err = roles(a); err != nil {
		return nil, err
	}
	if s.rolesB, err = roles(b); err != nil {
		return nil, err
	}
	s.normsA, s.normsB = a.CountOps("BatchNormalization"), b.CountOps("BatchNormalization")
	formA, formB := newForm(a), newForm(b)
	for _, u := range formA.uses {
		s.used[u.tensor] = true
	}
	for _, u := range formB.uses {
		s.used[u.tensor] = true
	}
	s.pairGroups(group(formA.uses, 0), group(formB.uses, 0), 0)
	return s.alignment(), nil
}

// candidate is a tensor of the pre-trained model that plays the part of one of the
// fine-tuned one.
type candidate struct {
	tensor *graph.Tensor
	perm   []int // see Pair
	how    string
}

// search is a pairing in the making.
type search struct {
	a, b *graph.Model
	from map[*graph.Tensor][]candidate // by tensor of b
	used map[*graph.Tensor]bool        // by an operator, in either model
	// unclear are tensors of b that structure and names leave open, with the reason.
	unclear        map[*graph.Tensor]string
	rolesA, rolesB map[string][]string // see roles
	// normsA and normsB count the BatchNormalization operators. Where an exporter folded
	// them into the weights before them, weights of one name are not one weight.
	normsA, normsB int
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
	ta, tb := tensorsOf(as), tensorsOf(bs)
	if len(ta) == 1 && len(tb) == 1 {
		s.add(as[0], bs[0], "structure")
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

// byName pairs uses that structure cannot tell apart. All of them must have their
// namesake among the others: one drifted name, and the rest proves nothing.
func (s *search) byName(as, bs []*use) {
	byID := map[string]*use{}
	for _, u := range as {
		byID[u.tensor.ID()] = u
	}
	if len(tensorsOf(as)) == len(tensorsOf(bs)) && !slices.ContainsFunc(bs, func(u *use) bool { return byID[u.tensor.ID()] == nil }) {
		for _, u := range bs {
			s.add(byID[u.tensor.ID()], u, "structure and name")
		}
		return
	}
	var names []string
	for _, t := range tensorsOf(as) {
		names = append(names, t.ID())
	}
	for _, t := range tensorsOf(bs) {
		s.unclear[t] = fmt.Sprintf("structure cannot tell which of %d weights of the pre-trained model it is (%s)", len(names), shortList(names))
	}
}

// add notes that a plays the part of b.
func (s *search) add(a, b *use, how string) {
	perm, ok := relativePerm(a.view, b.view)
	if a.tensor.DType != b.tensor.DType || a.tensor.Len() != b.tensor.Len() {
		ok = false // two colours that are one by chance
	}
	if !ok {
		s.unclear[b.tensor] = fmt.Sprintf("the axes of %q cannot be matched", a.tensor.ID())
		return
	}
	for _, c := range s.from[b.tensor] {
		if c.tensor == a.tensor && slices.Equal(c.perm, perm) {
			return
		}
	}
	s.from[b.tensor] = append(s.from[b.tensor], candidate{a.tensor, perm, how})
}

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

// alignment makes the result, in the order of both files.
func (s *search) alignment() *Alignment {
	out := &Alignment{}
	taken := map[*graph.Tensor]bool{}
	for _, t := range s.b.Tensors {
		pair, conflict := s.settle(t)
		switch {
		case pair != nil:
			taken[pair.A] = true
			out.Pairs = append(out.Pairs, *pair)
		case conflict != nil:
			if conflict.A != nil {
				taken[conflict.A] = true
			}
			out.Conflicts = append(out.Conflicts, *conflict)
		default:
			out.OnlyB = append(out.OnlyB, t)
		}
	}
	for _, t := range s.a.Tensors {
		if !taken[t] {
			out.OnlyA = append(out.OnlyA, t)
		}
	}
	return out
}

// settle decides one tensor of b. Both results are nil if only b has it.
func (s *search) settle(t *graph.Tensor) (*Pair, *Conflict) {
	named, candidates := s.a.Lookup(t.ID()), s.from[t]
	switch {
	case s.unclear[t] != "":
		return nil, &Conflict{A: named, B: t, Reason: s.unclear[t]}
	case len(candidates) == 1:
		c := candidates[0]
		return &Pair{A: c.tensor, B: t, How: c.how, Perm: c.perm}, nil
	case len(candidates) > 1:
		return nil, &Conflict{A: named, B: t, Reason: fmt.Sprintf("it is one weight here and %d in the pre-trained model (%s)",
			len(candidates), shortList(candidateNames(candidates)))}
	case named == nil:
		return nil, nil
	case named.DType != t.DType:
		return nil, &Conflict{A: named, B: t, Reason: fmt.Sprintf("same name, but dtype %s against %s", named.DType, t.DType)}
	case !slices.Equal(named.Dims, t.Dims):
		return nil, &Conflict{A: named, B: t, Reason: fmt.Sprintf("same name, but shape %v against %v", named.Dims, t.Dims)}
	case !s.used[named] && !s.used[t]: // what plays no part may pair by its name alone
		return &Pair{A: named, B: t, How: "name"}, nil
	}
	ra, rb := s.rolesA[named.ID()], s.rolesB[t.ID()]
	alike := slices.ContainsFunc(ra, func(role string) bool { return slices.Contains(rb, role) })
	reason := "same name, but what leads to it differs between the models"
	switch {
	case !alike:
		reason = fmt.Sprintf("same name, but used by %s against %s", describe(ra), describe(rb))
	case s.normsA != s.normsB:
		alike = false
		reason += fmt.Sprintf(" (%d BatchNormalization operators in the pre-trained one, %d here: folded into the weights of one?)", s.normsA, s.normsB)
	}
	return nil, &Conflict{A: named, B: t, Reason: reason, Alike: alike}
}

func candidateNames(list []candidate) []string {
	var names []string
	for _, c := range list {
		names = append(names, c.tensor.ID())
	}
	return names
}

// shortList writes up to three names.
func shortList(names []string) string {
	text := ""
	for i, name := range names {
		switch {
		case i == 3:
			return text + " …"
		case i > 0:
			text += ", "
		}
		text += name
	}
	return text
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

func sortedKeys(m map[uint64][]*use) []uint64 {
	var keys []uint64
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func tensorsOf(uses []*use) []*graph.Tensor {
	var out []*graph.Tensor
	for _, u := range uses {
		if !slices.Contains(out, u.tensor) {
			out = append(out, u.tensor)
		}
	}
	return out
}
