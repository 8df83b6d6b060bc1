package flow_test

import (
	"math"
	"slices"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
	gonum "gonum.org/v1/gonum/graph"
)

// The graph keeps the promises of gonum's interfaces, with an operand in two slots, and for nodes that there are not.
func TestGraphIsOneOfGonum(t *testing.T) {
	t.Parallel()
	b := &onnxtest.Builder{}
	b.Tensor("w", []float64{1, 2}, 2)
	b.Node("twice", "Concat", "w", "x", "x", "w")
	b.Node("y", "Add", "twice", "w")
	g, err := flow.New(b.Open(t))
	if err != nil {
		t.Fatal(err)
	}
	id := func(name string) int64 {
		n, ok := g.Value(name)
		if !ok {
			t.Fatalf("no value %q", name)
		}
		return n.ID()
	}
	ids := func(nodes gonum.Nodes) (list []int64) {
		for _, n := range gonum.NodesOf(nodes) {
			list = append(list, n.ID())
		}
		return slices.Sorted(slices.Values(list))
	}
	x, w, twice, y := id("x"), id("w"), id("twice"), id("y")
	if got := len(ids(g.Nodes())); got != 4 {
		t.Errorf("%d nodes, want 4", got)
	}
	for _, test := range []struct {
		from, to int64
		slot     float64
		ok       bool
	}{
		{twice, w, 0, true}, {twice, x, 1, true}, {y, twice, 0, true}, {y, w, 1, true},
		{y, x, math.Inf(1), false}, {w, twice, math.Inf(1), false}, {99, x, math.Inf(1), false}, {x, x, 0, true},
	} {
		if slot, ok := g.Weight(test.from, test.to); slot != test.slot || ok != test.ok {
			t.Errorf("from %d to %d: weight %g, %v, want %g, %v", test.from, test.to, slot, ok, test.slot, test.ok)
		}
		hasEdge := test.ok && test.from != test.to
		if got := g.HasEdgeFromTo(test.from, test.to); got != hasEdge {
			t.Errorf("from %d to %d: an edge is %v, want %v", test.from, test.to, got, hasEdge)
		}
		if e := g.Edge(test.from, test.to); (e != nil) != hasEdge || hasEdge && (e.From().ID() != test.from || e.To().ID() != test.to) {
			t.Errorf("from %d to %d: edge %v", test.from, test.to, e)
		}
	}
	if !g.HasEdgeBetween(w, twice) || g.HasEdgeBetween(x, y) {
		t.Error("edges are not found from both of their ends")
	}
	if got, want := ids(g.From(twice)), slices.Sorted(slices.Values([]int64{x, w})); !slices.Equal(got, want) {
		t.Errorf("twice is made of %d, want %d", got, want)
	}
	if got, want := ids(g.To(w)), slices.Sorted(slices.Values([]int64{twice, y})); !slices.Equal(got, want) {
		t.Errorf("w leads to %d, want %d", got, want)
	}
	if g.Node(-1) != nil || g.Node(4) != nil || len(ids(g.From(4))) != 0 {
		t.Error("there are nodes that no value has")
	}
}
