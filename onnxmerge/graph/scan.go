package graph

import (
	"fmt"
	"strings"

	"github.com/wiseft/wiseft/onnxmerge/internal/wire"
	"google.golang.org/protobuf/encoding/protowire"
)

const (
	maxDepth = 32       // of nested sub-graphs
	maxName  = 64 << 10 // bytes of a name or metadata value kept in memory
)

// scanner fills a Model from the fields of its file.
type scanner struct {
	model  *Model
	source *wire.Source
	ids    map[string]bool // of the tensors found so far
}

// add puts a tensor into the model.
func (s *scanner) add(t *Tensor) error {
	if s.ids[t.ID()] {
		return formatf("two tensors are named %q", t.ID())
	}
	s.ids[t.ID()] = true
	s.model.Tensors = append(s.model.Tensors, t)
	t.model = s.model
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
			m.Graph, err = s.scanGraph(f, "", nil)
		case modelFunctions:
			m.Unread = append(m.Unread, "a model-local function")
		case modelTrainingInfo:
			m.Unread = append(m.Unread, "training info")
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

// bytesField refuses a field whose wire type is not length-delimited.
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
	b, err := s.source.Read(f.Body, maxName)
	return string(b), err
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
	s.model.metadata = append(s.model.metadata, item{key, of})
	return err
}

// entry reads a StringStringEntryProto. A value longer than maxName is left in the
// file and comes out empty.
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

// scanGraph reads the graph in field gf. within are the fields around it.
func (s *scanner) scanGraph(gf wire.Field, scope string, within []wire.Field) (*Graph, error) {
	if err := bytesField(gf); err != nil {
		return nil, err
	}
	if len(within) > 3*maxDepth { // each level adds a node, an attribute and a graph
		return nil, UnsupportedError(fmt.Sprintf("sub-graphs nest deeper than %d", maxDepth))
	}
	g := &Graph{Scope: scope, within: append(within[:len(within):len(within)], gf)}
	declared := map[string]bool{} // names of initializers, to keep them out of Inputs
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
			err = s.scanInitializer(g, f, declared)
		case graphInput:
			var v Value
			v, err = s.scanValue(f)
			inputs = append(inputs, v)
		case graphOutput:
			var v Value
			v, err = s.scanValue(f)
			g.Outputs = append(g.Outputs, v)
			g.outputs = append(g.outputs, item{v.Name, f})
		case graphValueInfo:
			var v Value
			v, err = s.scanValue(f)
			g.Values = append(g.Values, v)
			g.values = append(g.values, item{v.Name, f})
		case graphSparseInitializer:
			s.model.Unread = append(s.model.Unread, "a sparse initializer")
		}
		if err != nil {
			return nil, asFormat(err, fmt.Sprintf("graph %q", g.Name))
		}
	}
	for _, v := range inputs {
		if !declared[v.Name] {
			g.Inputs = append(g.Inputs, v)
		}
	}
	return g, nil
}

func (s *scanner) scanInitializer(g *Graph, f wire.Field, declared map[string]bool) error {
	t, err := s.scanTensor(f, g.within)
	if err != nil {
		return err
	}
	t.Site, t.Scope = Initializer, g.Scope
	if t.Name == "" {
		return formatf("the initializer at byte %d has no name", f.Start)
	}
	declared[t.Name] = true
	g.initializers = append(g.initializers, item{t.Name, f})
	return s.add(t)
}

func (s *scanner) scanNode(g *Graph, nf wire.Field) error {
	if err := bytesField(nf); err != nil {
		return err
	}
	n := Node{field: nf}
	var attributes []wire.Field
	for f, err := range s.source.Fields(nf.Body) {
		if err != nil {
			return err
		}
		var name string
		switch f.Num {
		case nodeInput:
			name, err = s.text(f)
			n.Inputs = append(n.Inputs, name)
		case nodeOutput:
			name, err = s.text(f)
			n.Outputs = append(n.Outputs, name)
		case nodeName:
			n.Name, err = s.text(f)
		case nodeOpType:
			n.OpType, err = s.text(f)
		case nodeDomain:
			n.Domain, err = s.text(f)
		case nodeAttribute:
			attributes = append(attributes, f)
		}
		if err != nil {
			return err
		}
	}
	within := append(g.within[:len(g.within):len(g.within)], nf)
	for _, f := range attributes {
		if err := s.scanAttribute(&n, f, g.Scope, within); err != nil {
			return asFormat(err, fmt.Sprintf("node %q (%s)", n.result(), n.OpType))
		}
	}
	g.Nodes = append(g.Nodes, n)
	return nil
}

// result names the node for good: its first output, which is unique in its graph, as
// the node's own name need not be.
func (n *Node) result() string {
	if len(n.Outputs) > 0 {
		return n.Outputs[0]
	}
	return n.Name
}

// scanAttribute looks for what can hold weights: the tensor of a Constant node and
// sub-graphs.
func (s *scanner) scanAttribute(n *Node, af wire.Field, scope string, within []wire.Field) error {
	if err := bytesField(af); err != nil {
		return err
	}
	var name string
	var tensor *wire.Field
	var graphs []wire.Field
	for f, err := range s.source.Fields(af.Body) {
		if err != nil {
			return err
		}
		switch f.Num {
		case attrName:
			if name, err = s.text(f); err != nil {
				return err
			}
		case attrT:
			tensor = &f
		case attrG, attrGraphs:
			graphs = append(graphs, f)
		}
	}
	within = append(within[:len(within):len(within)], af)
	if tensor != nil && n.OpType == "Constant" && name == "value" && len(n.Outputs) > 0 {
		t, err := s.scanTensor(*tensor, within)
		if err != nil {
			return err
		}
		t.Site, t.Scope, t.Name = Constant, scope, n.Outputs[0]
		if err := s.add(t); err != nil {
			return err
		}
	}
	for i, f := range graphs {
		path := strings.TrimPrefix(fmt.Sprintf("%s/%s.%s", scope, n.result(), name), "/")
		if len(graphs) > 1 {
			path = fmt.Sprintf("%s[%d]", path, i)
		}
		g, err := s.scanGraph(f, path, within)
		if err != nil {
			return err
		}
		n.Subgraphs = append(n.Subgraphs, g)
	}
	return nil
}
