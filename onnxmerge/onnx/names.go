package onnx

import (
	"hash/maphash"
	"math/bits"
	"slices"

	"github.com/wiseft/wiseft/internal/slab"
)

// names numbers the names that operators of a graph have for their inputs and outputs, from 0 on. It finds a name in a
// hash table of open addressing without pointers: a map from names takes four times the memory, and the garbage collector
// would follow a million of them.
type names struct {
	seed  maphash.Seed
	slots []slot   // a power of two
	texts []string // by number
	// producers has by number the operator that computes the value, as an index into Graph.Nodes plus 1; 0 if none does.
	producers []int32
	lists     []int32 // the numbers of the names of all operators; see numberList
	textLists slab.Slab[string]
}

// slot is a place of the hash table.
type slot struct {
	hash   uint32 // the high half of the name's hash
	number int32  // of the name, plus 1; 0 if the place is free
}

// numberList is a range of names.lists.
type numberList struct{ first, count int32 }

// unnumbered is the first of the list of an operator that is not read yet.
const unnumbered = -1

// newNames returns the names of a graph, of which so many are expected.
func newNames(expected int) *names {
	return &names{seed: maphash.MakeSeed(), slots: make([]slot, tableSize(expected)), texts: make([]string, 0, expected),
		producers: make([]int32, 0, expected), lists: make([]int32, 0, 2*expected)}
}

// tableSize returns the size of a table for so many names, of which they fill at most two thirds.
func tableSize(names int) int { return 1 << bits.Len(uint(max(names, 8)*3/2)) }

// at returns the place of a name with the given hash, or the free one where it belongs.
func (s *names) at(hash uint64, isIt func(text string) bool) *slot {
	for i := int(hash); ; i++ {
		p := &s.slots[i&(len(s.slots)-1)]
		if p.number == 0 || p.hash == uint32(hash>>32) && isIt(s.texts[p.number-1]) {
			return p
		}
	}
}

// find returns the number of a name; ok is false if it has none.
func (s *names) find(name string) (number int32, ok bool) {
	p := s.at(maphash.String(s.seed, name), func(text string) bool { return text == name })
	return p.number - 1, p.number > 0
}

// number returns the number of a name, which is new if the name is. It does not keep name, but a copy in texts.
func (s *names) number(name []byte, texts *slab.Texts) int32 {
	hash := maphash.Bytes(s.seed, name)
	p := s.at(hash, func(text string) bool { return text == string(name) })
	if p.number > 0 {
		return p.number - 1
	}
	if len(s.texts) >= len(s.slots)*2/3 {
		s.grow()
		return s.number(name, texts)
	}
	s.texts, s.producers = append(s.texts, texts.Keep(name)), append(s.producers, 0)
	*p = slot{uint32(hash >> 32), int32(len(s.texts))}
	return p.number - 1
}

// grow doubles the table.
func (s *names) grow() {
	s.slots = make([]slot, 2*len(s.slots))
	for i, text := range s.texts {
		hash := maphash.String(s.seed, text)
		*s.at(hash, func(string) bool { return false }) = slot{uint32(hash >> 32), int32(i) + 1}
	}
}

// set sets the names of a node, the operator number at of its graph. A list of both inputs and outputs saves
// allocations.
func (s *names) set(n *Node, inputs, outputs []int32, at int) {
	count := len(inputs) + len(outputs)
	n.numbers = numberList{int32(len(s.lists)), int32(count)}
	s.lists = append(append(s.lists, inputs...), outputs...)
	texts := s.textLists.Take(count)
	for k, i := range s.listOf(n) {
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

// listOf returns the numbers of the names of a node when the model was read.
func (s *names) listOf(n *Node) []int32 {
	return s.lists[n.numbers.first:][:n.numbers.count:n.numbers.count]
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
			if i, ok := g.names.find(t.ID()); ok {
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
	return g.names.find(name)
}

// Numbers returns the numbers of the names in the Inputs and Outputs of an operator of g; -1 for a name that no operator had
// when the model was read. They must not be changed.
func (g *Graph) Numbers(n *Node) (inputs, outputs []int32) {
	numbers, known := g.names.known(n)
	if !known {
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

// known returns the numbers of the names of a node; ok is false if they are not known, because a program has changed the
// node: its fields are exported. Names that were not changed are the same memory, so that comparing them is comparing
// pointers.
func (s *names) known(n *Node) (numbers []int32, ok bool) {
	if int(n.numbers.count) != len(n.Inputs)+len(n.Outputs) || int(n.numbers.first) > len(s.lists)-int(n.numbers.count) {
		return nil, false
	}
	numbers = s.listOf(n)
	is := func(number int32, name string) bool { return s.texts[number] == name }
	return numbers, slices.EqualFunc(numbers[:len(n.Inputs)], n.Inputs, is) &&
		slices.EqualFunc(numbers[len(n.Inputs):], n.Outputs, is)
}
