package twin

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// class is what value numbering knows about a value. Values with one id are equal if the paired weights are.
type class struct {
	id       string
	weighted bool // it depends on a paired tensor
	unsure   bool // it is behind an anchor that may be wrong
}

// number assigns a class to every value of the main graph.
func (s *side) number() error {
	for i := range s.model.Graph.Nodes {
		n := &s.model.Graph.Nodes[i]
		if n.Op() == "Constant" && len(n.Inputs) == 0 {
			continue // a stored tensor
		}
		operands := make([]class, len(n.Inputs))
		for k, name := range n.Inputs {
			var err error
			if operands[k], err = s.operand(name); err != nil {
				return err
			}
		}
		for k, out := range n.Outputs {
			c := s.result(n, k, operands)
			if id, ok := s.anchor[out]; ok {
				c.id, c.unsure = fmt.Sprintf("anchor %d", id), !s.sure[id]
			}
			s.values[out] = c
		}
	}
	return nil
}

// operand returns the class of a name in the main graph.
func (s *side) operand(name string) (class, error) {
	if name == "" {
		return class{}, nil
	}
	if c, ok := s.values[name]; ok {
		return c, nil
	}
	t := s.model.LookupIn(s.model.Graph.Scope, name)
	if t == nil {
		return class{id: s.unique(name)}, nil
	}
	id, err := s.constant(t)
	c := class{id: id, weighted: s.weights[t]}
	s.values[name] = c
	return c, err
}

// maxConstantBytes is the size up to which constants are compared. Larger tensors without a counterpart are weights.
const maxConstantBytes = 64 << 10

// constant returns the id of a tensor: that of its pair, else a hash of its elements.
func (s *side) constant(t *onnx.Tensor) (string, error) {
	if id := s.known[t]; id != "" {
		return id, nil
	}
	if s.weights[t] || !t.Readable() || t.SizeBytes() > maxConstantBytes {
		return s.unique(t.ID()), nil
	}
	data := make([]byte, t.SizeBytes())
	if len(data) > 0 {
		if err := t.ReadAt(data, 0); err != nil {
			return "", fmt.Errorf("tensor %q: %w", t.ID(), err)
		}
	}
	return fmt.Sprintf("constant %s %v %x", t.DType, t.Dims, sha256.Sum256(data)), nil
}

// unique returns an id that no value of the other model has.
func (s *side) unique(name string) string { return fmt.Sprintf("only %p %s", s, name) }

// result returns the class of output k of an operator.
func (s *side) result(n *onnx.Node, k int, operands []class) class {
	if (n.Op() == "Identity" || n.Op() == "Dropout") && k == 0 && len(operands) > 0 {
		return operands[0]
	}
	c := class{}
	var ids []string
	for _, o := range operands {
		ids = append(ids, o.id)
		c.weighted, c.unsure = c.weighted || o.weighted, c.unsure || o.unsure
	}
	switch n.Op() {
	case "Add", "Mul", "Max", "Min", "Sum":
		slices.Sort(ids)
	case "Shape", "Size":
		c.weighted = false
	}
	if len(n.Subgraphs) > 0 {
		c.id = s.unique(n.Outputs[k])
		return c
	}
	for len(ids) > 0 && ids[len(ids)-1] == "" { // an omitted optional operand
		ids = ids[:len(ids)-1]
	}
	text := fmt.Sprintf("%s #%d %s %s", n.Op(), k, attributes(n), strings.Join(ids, ","))
	sum := sha256.Sum256([]byte(text))
	c.id = hex.EncodeToString(sum[:16])
	return c
}

// defaults are values of attributes that exporters write or omit; a list has them in every place.
var defaults = map[string]string{
	"dilations": "1", "strides": "1", "pads": "0", "group": "1", "auto_pad": "NOTSET", "transA": "0", "transB": "0",
	"ceil_mode": "0", "keepdims": "1", "noop_with_empty_axes": "0", "count_include_pad": "0", "storage_order": "0",
	"allowzero": "0", "training_mode": "0", "epsilon": "1e-05", "alpha": "1", "beta": "1",
}

// attributes returns the attributes of an operator as text, without those that change nothing.
func attributes(n *onnx.Node) string {
	list := map[string]string{}
	for name, v := range n.Ints {
		if len(v) > 0 && slices.Min(v) == slices.Max(v) && fmt.Sprint(v[0]) == defaults[name] {
			continue
		}
		list[name] = fmt.Sprint(v)
	}
	for name, v := range n.Floats {
		if fmt.Sprint(v) != defaults[name] {
			list[name] = fmt.Sprint(v)
		}
	}
	for name, v := range n.Strings {
		if v != defaults[name] {
			list[name] = v
		}
	}
	for name, hash := range n.Lists {
		list[name] = fmt.Sprint(hash)
	}
	delete(list, "momentum")
	if family(n) == "Conv" || n.Op() == "ConvTranspose" {
		delete(list, "kernel_shape") // that of the weight
	}
	var text []string
	for _, name := range slices.Sorted(maps.Keys(list)) {
		text = append(text, name+"="+list[name])
	}
	return strings.Join(text, " ")
}
