// Package align finds which tensor of one model is which tensor of another.
//
// The result lists every tensor of both models: as a [Pair], as one that only one
// side has, or as a [Conflict], where the names agree and the tensors do not. Both
// models keep their own order.
package align

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/onnxmerge/graph"
)

// Pair is one tensor in both models.
type Pair struct {
	A, B *graph.Tensor
	How  string // what proves it: "name"
}

// Conflict is a tensor that both models name alike but that cannot be one weight.
type Conflict struct {
	A, B   *graph.Tensor
	Reason string
}

// Alignment says what each tensor of two models is in the other.
type Alignment struct {
	Pairs     []Pair     // in the order of B
	Conflicts []Conflict // in the order of B
	OnlyA     []*graph.Tensor
	OnlyB     []*graph.Tensor
}

// ByName pairs tensors of one ID, dtype and shape that play the same part: some
// operator of one kind takes them as the same input in both models. A tensor that
// nobody uses in either model plays no part, and pairs too.
func ByName(a, b *graph.Model) (*Alignment, error) {
	rolesA, err := roles(a)
	if err != nil {
		return nil, err
	}
	rolesB, err := roles(b)
	if err != nil {
		return nil, err
	}
	left := map[string]*graph.Tensor{}
	for _, t := range a.Tensors {
		left[t.ID()] = t
	}
	out := &Alignment{}
	paired := map[string]bool{}
	for _, t := range b.Tensors {
		from, ok := left[t.ID()]
		if !ok {
			out.OnlyB = append(out.OnlyB, t)
			continue
		}
		paired[t.ID()] = true
		if reason := conflict(from, t, rolesA, rolesB); reason != "" {
			out.Conflicts = append(out.Conflicts, Conflict{from, t, reason})
			continue
		}
		out.Pairs = append(out.Pairs, Pair{from, t, "name"})
	}
	for _, t := range a.Tensors {
		if !paired[t.ID()] {
			out.OnlyA = append(out.OnlyA, t)
		}
	}
	return out, nil
}

// conflict says why two tensors of one name are not one weight, "" if they are.
func conflict(a, b *graph.Tensor, rolesA, rolesB map[string][]string) string {
	switch {
	case a.DType != b.DType:
		return fmt.Sprintf("dtype %s against %s", a.DType, b.DType)
	case !slices.Equal(a.Dims, b.Dims):
		return fmt.Sprintf("shape %v against %v", a.Dims, b.Dims)
	}
	ra, rb := rolesA[a.ID()], rolesB[b.ID()]
	if len(ra) == 0 && len(rb) == 0 {
		return ""
	}
	for _, role := range ra {
		if slices.Contains(rb, role) { // one more use, as of tied weights, is no conflict
			return ""
		}
	}
	return fmt.Sprintf("used by %s against %s", describe(ra), describe(rb))
}

func describe(roles []string) string {
	if len(roles) == 0 {
		return "nothing"
	}
	return strings.Join(roles, " ")
}

// roles says of every tensor of the main graph which operators consume it, and in
// which inputs: "Conv[1]". A weight that moved to another kind of operator is not
// the same weight, whatever its name.
func roles(m *graph.Model) (map[string][]string, error) {
	weights, err := m.Weights()
	if err != nil {
		return nil, err
	}
	roles := map[string][]string{}
	for _, t := range m.Tensors {
		if t.Scope != "" {
			continue
		}
		var uses []string
		for _, u := range weights.Consumers(t.Name) {
			uses = append(uses, fmt.Sprintf("%s[%d]", m.Graph.Nodes[u.Node].OpType, u.Slot))
		}
		slices.Sort(uses)
		roles[t.ID()] = slices.Compact(uses)
	}
	return roles, nil
}
