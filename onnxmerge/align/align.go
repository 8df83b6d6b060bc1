// Package align finds which tensor of one model is which tensor of another.
//
// The result lists every tensor of both models: as a [Pair], as one that only one
// side has, or as a [Conflict], where the counterpart is not clear. Both models keep
// their own order.
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
	How  string // what proves it: "structure", "structure and name", or "name" for what plays no part
	// Perm is nil unless the axes have another order: then it lists for each axis of B
	// the axis of A that it is, axes of length 1 left out.
	Perm []int
}

// Conflict is a tensor of B whose counterpart is not clear. A is its namesake, nil if
// there is none.
type Conflict struct {
	A, B   *graph.Tensor
	Reason string
	// Alike says that A has the same dtype and shape as B, and that operators of one kind
	// take them as the same operand. Then the weights themselves can be the proof that is
	// missing.
	Alike bool
}

// Alignment says what each tensor of two models is in the other.
type Alignment struct {
	Pairs     []Pair     // in the order of B
	Conflicts []Conflict // in the order of B
	OnlyA     []*graph.Tensor
	OnlyB     []*graph.Tensor
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
