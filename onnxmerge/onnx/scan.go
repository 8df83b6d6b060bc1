package onnx

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/internal/slab"
	"github.com/wiseft/wiseft/onnxmerge/internal/wire"
	"google.golang.org/protobuf/encoding/protowire"
)

const (
	maxDepth = 32       // nesting of sub-graphs
	maxName  = 64 << 10 // bytes of a name or of a metadata value that is kept in memory
)

// scanner reads a Model from the fields of its file.
type scanner struct {
	model  *Model
	source *wire.Source
	unread map[string]bool // the lines of Model.Unread about attributes
	texts  slab.Texts
	// Memory for tensors.
	tensors slab.Slab[Tensor]
	dims    slab.Slab[int64]
	// inputs and outputs are memory for the names of the operator that is read.
	inputs, outputs []int32
}

// add adds a tensor to the model.
func (s *scanner) add(t *Tensor) error {
	if s.model.byID[t.ID()] != nil {
		return formatf("two tensors are named %q", t.ID())
	}
	s.model.byID[t.ID()] = t
	s.model.Tensors = append(s.model.Tensors, t)
	t.number = len(s.model.Tensors)
	if t.Indices != nil {
		if err := t.Indices.check(); err != nil {
			return err
		}
	}
	return t.check()
}

func (s *scanner) scanModel() error {
	m := s.model
	var version string
	for f, err := range s.source.Fields(s.source.All()) {
		if err != nil {
			return err
		}
		switch f.Num {
		case modelIRVersion:
			m.IRVersion = int64(f.Value)
		case modelProducerName:
			m.Producer, err = s.text(f)
		case modelProducerVersion:
			version, err = s.text(f)
		case modelOpsetImport:
			err = s.scanOpset(f)
		case modelMetadataProps:
			err = s.scanEntry(f)
		case modelGraph:
			if m.Graph != nil {
				return FormatError("the model has two graphs")
			}
			m.Graph, err = s.scanGraph(f, "", nil, nil)
		case modelFunctions:
			err = s.scanFunction(f)
		case modelTrainingInfo:
			m.Unread = append(m.Unread, "training info")
			err = s.checkNested(modelProto, f)
		default:
			err = s.checkNested(modelProto, f)
		}
		if err != nil {
			return err
		}
	}
	if m.Graph == nil {
		return FormatError("no graph: this is not an ONNX model")
	}
	m.Producer = strings.TrimSpace(m.Producer + " " + version)
	return nil
}

// bytesField refuses a field that is not length-delimited.
func bytesField(f wire.Field) error {
	if f.Type != protowire.BytesType {
		return formatf("field %d at byte %d has wire type %d", f.Num, f.Start, f.Type)
	}
	return nil
}

func (s *scanner) text(f wire.Field) (string, error) {
	if err := bytesField(f); err != nil {
		return "", err
	}
	b, err := s.source.ReadNear(f.Body, maxName)
	return s.texts.Keep(b), err
}

// operator reads the name of an operator or of its domain, of which a model has few.
func (s *scanner) operator(f wire.Field) (string, error) {
	if err := bytesField(f); err != nil {
		return "", err
	}
	b, err := s.source.ReadNear(f.Body, maxName)
	return s.texts.KeepOne(b), err
}

func (s *scanner) scanOpset(of wire.Field) error {
	if err := bytesField(of); err != nil {
		return err
	}
	var o Opset
	for f, err := range s.source.Fields(of.Body) {
		switch {
		case err != nil:
			return err
		case f.Num == opsetDomain:
			if o.Domain, err = s.text(f); err != nil {
				return err
			}
		case f.Num == opsetVersion:
			o.Version = int64(f.Value)
		}
	}
	s.model.Opsets = append(s.model.Opsets, o)
	return nil
}

func (s *scanner) scanEntry(of wire.Field) error {
	key, value, err := s.entry(of)
	s.model.Metadata = append(s.model.Metadata, Entry{key, value})
	s.model.metadata = append(s.model.metadata, item{key, of.Place()})
	return err
}

// entry reads a StringStringEntryProto. The result for a value longer than maxName is "".
func (s *scanner) entry(of wire.Field) (key, value string, err error) {
	if err := bytesField(of); err != nil {
		return "", "", err
	}
	for f, err := range s.source.Fields(of.Body) {
		switch {
		case err != nil:
			return "", "", err
		case f.Num == entryKey:
			key, err = s.text(f)
		case f.Num == entryValue && f.Body.Len <= maxName:
			value, err = s.text(f)
		}
		if err != nil {
			return "", "", err
		}
	}
	return key, value, nil
}

// scanGraph reads the graph in field gf. within lists the enclosing fields.
func (s *scanner) scanGraph(gf wire.Field, scope string, within []wire.Field, outer *Graph) (*Graph, error) {
	if err := bytesField(gf); err != nil {
		return nil, err
	}
	if len(within) > 3*maxDepth { // each level adds a node, an attribute and a graph
		return nil, UnsupportedError(fmt.Sprintf("sub-graphs nest deeper than %d", maxDepth))
	}
	g := &Graph{Scope: scope, outer: outer, within: append(within[:len(within):len(within)], gf)}
	if err := s.reserve(g, gf.Body); err != nil {
		return nil, err
	}
	var inputs []Value
	for f, err := range s.source.Fields(gf.Body) {
		if err != nil {
			return nil, err
		}
		switch f.Num {
		case graphName:
			g.Name, err = s.text(f)
		case graphNode:
			err = s.scanNode(g, f)
		case graphInitializer:
			err = s.scanInitializer(g, f)
		case graphInput:
			var v Value
			v, err = s.scanValue(f)
			inputs = append(inputs, v)
			g.inputs = append(g.inputs, item{v.Name, f.Place()})
		case graphOutput:
			var v Value
			v, err = s.scanValue(f)
			g.Outputs = append(g.Outputs, v)
			g.outputs = append(g.outputs, item{v.Name, f.Place()})
		case graphValueInfo:
			var v Value
			v, err = s.scanValue(f)
			g.Values = append(g.Values, v)
			g.values = append(g.values, item{v.Name, f.Place()})
		case graphSparseInitializer:
			err = s.scanSparseInitializer(g, f)
		default:
			err = s.checkNested(graphProto, f)
		}
		if err != nil {
			return nil, asFormat(err, fmt.Sprintf("graph %q", g.Name))
		}
	}
	g.setInputs(inputs)
	return g, nil
}

// setInputs divides the declared inputs into those that have an initializer and the others.
func (g *Graph) setInputs(inputs []Value) {
	isOptional := make(map[string]bool, len(inputs)) // by the name of an input
	for _, v := range inputs {
		isOptional[v.Name] = false
	}
	for name := range g.Initializers() {
		if _, ok := isOptional[name]; ok {
			isOptional[name] = true
		}
	}
	for _, v := range inputs {
		if isOptional[v.Name] {
			g.Optional = append(g.Optional, v)
		} else {
			g.Inputs = append(g.Inputs, v)
		}
	}
}

// reserve counts the operators and initializers of a graph, so that lists of them need not grow: copies of a million
// operators take twice the memory.
func (s *scanner) reserve(g *Graph, message wire.Span) error {
	nodes, initializers := 0, 0
	for f, err := range s.source.Fields(message) {
		switch {
		case err != nil:
			return err
		case f.Num == graphNode:
			nodes++
		case f.Num == graphInitializer:
			initializers++
		}
	}
	list := make([]Node, nodes)
	for i := range list {
		// Each page is written before the garbage collector reads it: see package slab.
		list[i].numbers.first = unnumbered
	}
	g.Nodes, g.names = list[:0], newNames(nodes+initializers)
	g.initializers = slices.Grow(g.initializers, initializers)
	s.model.Tensors = slices.Grow(s.model.Tensors, initializers)
	if len(s.model.byID) == 0 {
		s.model.byID = make(map[string]*Tensor, initializers)
	}
	return nil
}

func (s *scanner) scanInitializer(g *Graph, f wire.Field) error {
	t, err := s.scanTensor(f, g.within)
	if err != nil {
		return err
	}
	t.Site, t.Scope = Initializer, g.Scope
	if t.Name == "" {
		return formatf("the initializer at byte %d has no name", f.Start)
	}
	g.initializers = append(g.initializers, item{t.Name, f.Place()})
	return s.add(t)
}

func (s *scanner) scanSparseInitializer(g *Graph, f wire.Field) error {
	t, err := s.scanSparse(f, g.within)
	if err != nil {
		return err
	}
	t.Site, t.Scope = SparseInitializer, g.Scope
	if t.Name == "" {
		return formatf("the sparse initializer at byte %d has no name", f.Start)
	}
	g.initializers = append(g.initializers, item{t.Name, f.Place()})
	return s.add(t)
}

// scanFunction reads a FunctionProto: a graph whose inputs and outputs have names only, and whose scope is its own
// name.
func (s *scanner) scanFunction(ff wire.Field) error {
	if err := bytesField(ff); err != nil {
		return err
	}
	g := &Graph{within: []wire.Field{ff}, names: newNames(0)}
	var domain, overload string
	for f, err := range s.source.Fields(ff.Body) {
		if err != nil {
			return err
		}
		var name string
		switch f.Num {
		case functionName:
			g.Name, err = s.text(f)
		case functionDomain:
			domain, err = s.text(f)
		case functionOverload:
			overload, err = s.text(f)
		case functionInput:
			name, err = s.text(f)
			g.Inputs = append(g.Inputs, Value{Name: name})
		case functionOutput:
			name, err = s.text(f)
			g.Outputs = append(g.Outputs, Value{Name: name})
		case functionNode: // in the second pass
		default:
			err = s.checkNested(functionProto, f)
		}
		if err != nil {
			return err
		}
	}
	g.Scope = fmt.Sprintf("functions/%s.%s", domain, g.Name)
	if overload != "" {
		g.Scope += ":" + overload
	}
	for f, err := range s.source.Fields(ff.Body) { // second pass, because nodes need the scope
		if err == nil && f.Num == functionNode {
			err = s.scanNode(g, f)
		}
		if err != nil {
			return asFormat(err, fmt.Sprintf("function %q", g.Name))
		}
	}
	s.model.Functions = append(s.model.Functions, g)
	return nil
}
