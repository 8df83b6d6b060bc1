package onnx

import (
	"fmt"
	"io"
	"iter"

	"github.com/wiseft/wiseft/onnxmerge/internal/digest"
	"github.com/wiseft/wiseft/onnxmerge/internal/wire"
)

// Model is an opened ONNX file.
type Model struct {
	IRVersion int64
	Producer  string // name and version of the program that wrote the file
	Opsets    []Opset
	Metadata  []Entry
	Graph     *Graph
	Functions []*Graph  // model-local functions
	Tensors   []*Tensor // of every scope, in file order
	// Unread names parts of the model that may hold weights and that are copied without being read, one line each.
	Unread []string

	source   *wire.Source
	tap      *digest.Tap
	metadata []item
	byID     map[string]*Tensor
	byNumber map[*Graph][]*Tensor // see NamedTensors
	files    []*dataFile          // data files, in the order of their first use
}

// Opset is an operator set that the model imports. The domain "" is ai.onnx.
type Opset struct {
	Domain  string `json:"domain"`
	Version int64  `json:"version"`
}

// Entry is a metadata property.
type Entry struct{ Key, Value string }

// Graph is the main graph, the body of an If, Loop or Scan, or a function.
type Graph struct {
	Name   string
	Scope  string // "" for the main graph, else the path of names to it
	Nodes  []Node
	Inputs []Value // without initializers
	// Optional are the inputs that have an initializer, which is their default. Before IR version 4 those are weights, which
	// no caller sets.
	Optional []Value
	Outputs  []Value
	Values   []Value // declared types of inner values

	outer        *Graph       // nil for the main graph and functions
	within       []wire.Field // the enclosing fields, outermost first, and the graph's own
	names        *names
	initializers []item
	inputs       []item // with initializers that are declared as inputs, too
	outputs      []item
	values       []item
}

// item is a named field of a graph.
type item struct {
	name  string
	place wire.Place
}

// Node is an operator call. A missing optional input is "".
type Node struct {
	Name    string
	OpType  string
	Domain  string
	Inputs  []string
	Outputs []string
	Ints    map[string][]int64 // integer attributes; a single integer is a list of one
	Floats  map[string]float32 // attributes of one number
	Strings map[string]string  // attributes of one text of up to 64 bytes
	// Lists has a hash of every attribute that is a list of numbers of type float, such as coefficients of classical
	// models: equal lists have equal hashes.
	Lists map[string]uint64
	// References are the attributes, inside a function, whose value is an attribute of the call, with that one's name.
	References map[string]string
	Subgraphs  []*Graph

	place   wire.Place
	numbers numberList // of the names in Inputs, then of those in Outputs; see Graph.Names
}

// Value is a named value with its declared type.
type Value struct {
	Name  string
	DType DType // DTypeUndefined if not declared
	Shape []Dim // nil if not declared
}

// Dim is one axis of a declared shape: a length, or the name of an unknown one.
type Dim struct {
	Len   int64 // -1 if unknown
	Param string
}

func (d Dim) String() string {
	if d.Len >= 0 {
		return fmt.Sprint(d.Len)
	}
	if d.Param != "" {
		return d.Param
	}
	return "?"
}

// Open reads the structure of the ONNX model in the first size bytes of r, but no payloads other than the indices of
// sparse tensors. r must remain readable while the model is in use; the caller closes it. Errors are [FormatError] or
// [UnsupportedError], or come from r.
func Open(r io.ReaderAt, size int64) (*Model, error) {
	if err := sniff(r, size); err != nil {
		return nil, err
	}
	m := &Model{tap: digest.NewTap(r, size, digest.SHA256), byID: map[string]*Tensor{}}
	m.source = wire.NewSource(m.tap, size)
	s := scanner{model: m, source: m.source, unread: map[string]bool{}}
	if err := s.scanModel(); err != nil {
		return nil, asFormat(err, "ONNX model")
	}
	if err := m.checkIndices(); err != nil {
		return nil, err
	}
	if err := m.orderOperators(); err != nil {
		return nil, err
	}
	m.resolveNames()
	return m, nil
}

// Lookup returns the tensor with the given ID, or nil.
func (m *Model) Lookup(id string) *Tensor { return m.byID[id] }

// LookupIn returns the tensor with the given name in the given scope, or nil. Enclosing scopes are not searched.
func (m *Model) LookupIn(scope, name string) *Tensor {
	t := Tensor{Scope: scope, Name: name}
	return m.byID[t.ID()]
}

// Property returns the metadata property with the given key, or "".
func (m *Model) Property(key string) string {
	for _, e := range m.Metadata {
		if e.Key == key {
			return e.Value
		}
	}
	return ""
}

// SizeBytes returns the size of the model's own file.
func (m *Model) SizeBytes() int64 { return m.source.All().Len }

// Initializers yields the names of the graph's initializers, in file order.
func (g *Graph) Initializers() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, it := range g.initializers {
			if !yield(it.name) {
				return
			}
		}
	}
}

// Producer returns the operator of g that computes the value with the given name, or nil.
func (g *Graph) Producer(name string) *Node {
	i, ok := g.names.find(name)
	if !ok || g.names.producers[i] == 0 {
		return nil
	}
	return &g.Nodes[g.names.producers[i]-1]
}

// Computes reports whether an operator of g computes the value with the given name.
func (g *Graph) Computes(name string) bool { return name != "" && g.Producer(name) != nil }

// Value returns the declared type of an output, an inner value or an input of g. DType and Shape are not set if g does
// not declare it.
func (g *Graph) Value(name string) Value {
	for _, list := range [][]Value{g.Outputs, g.Values, g.Inputs} {
		for _, v := range list {
			if v.Name == name {
				return v
			}
		}
	}
	return Value{Name: name}
}

// Resolve finds what a name stands for in g or in the graphs around it: a tensor; or the operator that computes it,
// with the graph that the operator is in; or nothing.
func (m *Model) Resolve(g *Graph, name string) (*Tensor, *Node, *Graph) {
	for ; g != nil; g = g.outer {
		if t := m.LookupIn(g.Scope, name); t != nil {
			return t, nil, nil
		}
		if n := g.Producer(name); n != nil {
			return nil, n, g
		}
	}
	return nil, nil, nil
}

// Opset returns the version of the operator set ai.onnx that the model imports; 1 if it imports none.
func (m *Model) Opset() int64 {
	for _, o := range m.Opsets {
		if o.Domain == "" || o.Domain == "ai.onnx" {
			return o.Version
		}
	}
	return 1
}

// Bodies yields the main graph, the functions, and every graph inside of them.
func (m *Model) Bodies() iter.Seq[*Graph] {
	return func(yield func(*Graph) bool) {
		for _, g := range append([]*Graph{m.Graph}, m.Functions...) {
			if !g.bodies(yield) {
				return
			}
		}
	}
}

func (g *Graph) bodies(yield func(*Graph) bool) bool {
	if !yield(g) {
		return false
	}
	for i := range g.Nodes {
		for _, sub := range g.Nodes[i].Subgraphs {
			if !sub.bodies(yield) {
				return false
			}
		}
	}
	return true
}
