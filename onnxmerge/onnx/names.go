package onnx

import "github.com/wiseft/wiseft/internal/slab"

// names numbers the names that operators of a graph have for their inputs and outputs, from 0 on.
type names struct {
	numbers map[string]int32
	texts   []string // by number
	// producers has by number the operator that computes the value, as an index into Graph.Nodes plus 1; 0 if none does.
	producers []int32
	// Memory for the lists of operators.
	lists     slab.Slab[int32]
	textLists slab.Slab[string]
}

// newNames returns the names of a graph, of which so many are expected.
func newNames(expected int) *names {
	return &names{numbers: make(map[string]int32, expected), texts: make([]string, 0, expected),
		producers: make([]int32, 0, expected)}
}

// number returns the number of a name, which is new if the name is. It does not keep name, but a copy in texts.
func (s *names) number(name []byte, texts *slab.Texts) int32 {
	i, ok := s.numbers[string(name)]
	if !ok {
		text := texts.Keep(name)
		i = int32(len(s.texts))
		s.numbers[text] = i
		s.texts, s.producers = append(s.texts, text), append(s.producers, 0)
	}
	return i
}

// set sets the names of a node, the operator number at of its graph. A list of both inputs and outputs saves
// allocations.
func (s *names) set(n *Node, inputs, outputs []int32, at int) {
	count := len(inputs) + len(outputs)
	n.numbers = append(append(s.lists.Take(count)[:0], inputs...), outputs...)
	texts := s.textLists.Take(count)
	for k, i := range n.numbers {
		texts[k] = s.texts[i]
	}
	n.Inputs, n.Outputs = nil, nil
	if len(inputs) > 0 {
		n.Inputs = texts[:len(inputs):len(inputs)]
	}
	if len(outputs) > 0 {
		n.Outputs = texts[len(inputs):]
	}
	for _, i := range outputs {
		s.producers[i] = int32(at) + 1
	}
}

// numberAll returns the numbers of names.
func (s *names) numberAll(list []string) []int32 {
	numbers := make([]int32, len(list))
	var copies slab.Texts
	for k, name := range list {
		numbers[k] = s.number([]byte(name), &copies)
	}
	return numbers
}

// resolveNames finds the tensors that the names of each graph stand for.
func (m *Model) resolveNames() {
	m.byNumber = map[*Graph][]*Tensor{}
	for g := range m.Bodies() {
		found := make([]*Tensor, g.Names())
		m.byNumber[g] = found
		if g.Scope != "" {
			for i, name := range g.names.texts {
				found[i] = m.LookupIn(g.Scope, name)
			}
			continue
		}
		for _, t := range m.Tensors { // as there are fewer of them
			if i, ok := g.names.numbers[t.ID()]; ok {
				found[i] = t
			}
		}
	}
}

// NamedTensors returns, by the numbers of the names of g, the tensors that the names stand for in g; nil for those that stand
// for none. Enclosing graphs are not searched. The list must not be changed.
func (m *Model) NamedTensors(g *Graph) []*Tensor { return m.byNumber[g] }

// Names returns how many different names the operators of g have for their inputs and outputs. They are numbered from 0
// on.
func (g *Graph) Names() int { return len(g.names.texts) }

// Number returns the number of a name; ok is false if no operator of g takes or computes it.
func (g *Graph) Number(name string) (number int32, ok bool) {
	number, ok = g.names.numbers[name]
	return number, ok
}

// Numbers returns the numbers of the names in the Inputs and Outputs of an operator of g; -1 for a name that no operator had
// when the model was read. They must not be changed.
func (g *Graph) Numbers(n *Node) (inputs, outputs []int32) {
	numbers := n.numbers
	if !g.names.isOf(n) {
		numbers = make([]int32, 0, len(n.Inputs)+len(n.Outputs))
		for _, list := range [][]string{n.Inputs, n.Outputs} {
			for _, name := range list {
				number, ok := g.Number(name)
				if !ok {
					number = -1
				}
				numbers = append(numbers, number)
			}
		}
	}
	return numbers[:len(n.Inputs)], numbers[len(n.Inputs):]
}

// isOf reports whether the numbers of a node are those of its names. They are not if a program has changed the node: its
// fields are exported. Names that were not changed are the same memory, so that comparing them is comparing pointers.
func (s *names) isOf(n *Node) bool {
	if len(n.numbers) != len(n.Inputs)+len(n.Outputs) {
		return false
	}
	inputs, outputs := n.numbers[:len(n.Inputs)], n.numbers[len(n.Inputs):]
	for i, name := range n.Inputs {
		if s.texts[inputs[i]] != name {
			return false
		}
	}
	for i, name := range n.Outputs {
		if s.texts[outputs[i]] != name {
			return false
		}
	}
	return true
}
