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
		checkChanged(t, path, m)
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
			inputs, outputs := g.Numbers(n)
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

// checkChanged changes an operator of a model that has two names at least. Its numbers must follow.
func checkChanged(t *testing.T, path string, m *Model) {
	t.Helper()
	n := &m.Graph.Nodes[0]
	other := m.Graph.Outputs[0].Name
	want, ok := m.Graph.Number(other)
	if !ok {
		t.Fatalf("%s: no operator computes its output %q", path, other)
	}
	for _, inputs := range [][]string{append(slices.Clone(n.Inputs), other), {other}, {"nowhere"}} {
		n.Inputs = inputs
		numbers, outputs := m.Graph.Numbers(n)
		last := numbers[len(numbers)-1]
		if inputs[0] == "nowhere" {
			want = -1
		}
		if output, _ := m.Graph.Number(n.Outputs[0]); last != want || outputs[0] != output {
			t.Errorf("%s: inputs %q: numbers %d and %d", path, inputs, numbers, outputs)
		}
	}
}
