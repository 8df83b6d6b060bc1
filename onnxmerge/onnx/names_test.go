package onnx

import (
	"slices"
	"testing"
)

// The numbers of names say the same as the names do, in every graph of every model: of the main graph, bodies, functions, and of
// a derived model, which has no tensors here.
func TestNumbersOfNames(t *testing.T) {
	t.Parallel()
	scopes := 0
	for _, path := range good(t) {
		m, _ := openFile(t, path)
		checkNumbers(t, path, m)
		nodes := slices.Clone(m.Graph.Nodes)
		for i := range nodes { // one more name, and another order
			nodes[i].Inputs = append(slices.Clone(nodes[i].Inputs), "further")
		}
		checkNumbers(t, path+" derived", m.Derive(nodes, nil))
		checkNumbers(t, path, m)
		for g := range m.Bodies() {
			if g.Scope != "" {
				scopes++
			}
		}
	}
	if scopes < 2 {
		t.Errorf("%d bodies and functions, want 2 at least", scopes)
	}
}

func checkNumbers(t *testing.T, path string, m *Model) {
	t.Helper()
	for g := range m.Bodies() {
		tensors := m.NamedTensors(g)
		if len(tensors) != g.Names() {
			t.Fatalf("%s: %d tensors of %d names", path, len(tensors), g.Names())
		}
		numbers := map[string]int32{}
		for i := range g.Nodes {
			n := &g.Nodes[i]
			inputs, outputs := n.Numbers()
			all := slices.Concat(inputs, outputs)
			for k, name := range slices.Concat(n.Inputs, n.Outputs) {
				number, ok := g.Number(name)
				if first, seen := numbers[name]; !ok || number != all[k] || seen && first != number {
					t.Errorf("%s: %q has number %d in an operator, %d in its graph", path, name, all[k], number)
				}
				numbers[name] = number
				if got, want := tensors[number], m.LookupIn(g.Scope, name); got != want {
					t.Errorf("%s: %q stands for %v, want %v", path, name, got, want)
				}
			}
		}
		if len(numbers) != g.Names() {
			t.Errorf("%s: operators have %d names, and the graph %d", path, len(numbers), g.Names())
		}
	}
}
