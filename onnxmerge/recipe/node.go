package recipe

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/wiseft/wiseft/onnxmerge/method"
	"go.yaml.in/yaml/v3"
)

// object is a mapping of a document with the lines of its keys.
type object struct {
	line  int
	keys  []string
	lines map[string]int
	nodes map[string]*yaml.Node
}

func errAt(n *yaml.Node, format string, args ...any) error {
	return &Error{n.Line, fmt.Sprintf(format, args...)}
}

// mapping reads a mapping with unique string keys.
func mapping(n *yaml.Node) (*object, error) {
	if n.Kind != yaml.MappingNode {
		return nil, errAt(n, "%s, where a mapping (name: value) is expected", describe(n))
	}
	o := &object{line: n.Line, lines: map[string]int{}, nodes: map[string]*yaml.Node{}}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if k.Kind != yaml.ScalarNode || k.Value == "<<" {
			return nil, errAt(k, "a key that is not a name")
		}
		if o.has(k.Value) {
			return nil, errAt(k, "key %q occurs twice; first in line %d", k.Value, o.lines[k.Value])
		}
		if v.Kind == yaml.AliasNode || v.Anchor != "" {
			return nil, errAt(v, "anchors and aliases are not supported in recipes")
		}
		o.keys = append(o.keys, k.Value)
		o.lines[k.Value], o.nodes[k.Value] = k.Line, v
	}
	return o, nil
}

func (o *object) has(key string) bool { return o.nodes[key] != nil }

// only refuses keys that are not in known.
func (o *object) only(what string, known ...string) error {
	for _, k := range o.keys {
		if !slices.Contains(known, k) {
			return &Error{o.lines[k], fmt.Sprintf("%s has no %q; it has: %s", what, k, strings.Join(known, ", "))}
		}
	}
	return nil
}

// fail returns err with the line of a key, if the document has it.
func (o *object) fail(key string, err error) error {
	line := o.line
	for _, k := range []string{key, map[string]string{"method": "merge_method", "params": "parameters",
		"set": "parameters"}[key]} {
		if o.has(k) {
			line = o.lines[k]
			break
		}
	}
	if inner, ok := errors.AsType[*Error](err); ok {
		return inner
	}
	return &Error{line, err.Error()}
}

func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "a mapping"
	case yaml.AliasNode:
		return "an alias"
	}
	if n.Tag == "!!null" {
		return "nothing"
	}
	return fmt.Sprintf("%q", n.Value)
}

// isNothing reports whether n is null or an empty string.
func isNothing(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && (n.Tag == "!!null" || n.Value == "")
}

// text reads a string; "" if the key is absent.
func (o *object) text(key string) (string, error) {
	n := o.nodes[key]
	if n == nil || n.Tag == "!!null" {
		return "", nil
	}
	if n.Kind != yaml.ScalarNode {
		return "", errAt(n, "%s is %s, where a text is expected", key, describe(n))
	}
	return n.Value, nil
}

func (o *object) bool(key string) (bool, error) {
	n := o.nodes[key]
	if n == nil {
		return false, nil
	}
	var b bool
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" || n.Decode(&b) != nil {
		return false, errAt(n, "%s is %s, where true or false is expected", key, describe(n))
	}
	return b, nil
}

// list reads a sequence; nil if the key is absent.
func (o *object) list(key string) ([]*yaml.Node, error) {
	n := o.nodes[key]
	if n == nil || n.Tag == "!!null" {
		return nil, nil
	}
	if n.Kind != yaml.SequenceNode {
		return nil, errAt(n, "%s is %s, where a list is expected", key, describe(n))
	}
	for _, x := range n.Content {
		if x.Kind == yaml.AliasNode || x.Anchor != "" {
			return nil, errAt(x, "anchors and aliases are not supported in recipes")
		}
	}
	return n.Content, nil
}

func (o *object) texts(key string) ([]string, error) {
	nodes, err := o.list(key)
	var out []string
	for _, n := range nodes {
		if n.Kind != yaml.ScalarNode || isNothing(n) {
			return nil, errAt(n, "%s holds %s, where a text is expected", key, describe(n))
		}
		out = append(out, n.Value)
	}
	return out, err
}

// value reads a parameter: a number, a bool, a choice, a list of numbers (a gradient over depth), or {each: [...]}.
func value(n *yaml.Node) (any, error) {
	switch {
	case n.Kind == yaml.SequenceNode:
		var g method.Gradient
		for _, x := range n.Content {
			v, err := value(x)
			f, ok := v.(float64)
			if err != nil || !ok {
				return nil, errAt(x, "%s in a gradient, where a number is expected", describe(x))
			}
			g = append(g, f)
		}
		if len(g) == 0 {
			return nil, errAt(n, "an empty list")
		}
		return g, nil
	case n.Kind == yaml.MappingNode:
		return eachValue(n)
	case n.Kind != yaml.ScalarNode:
		return nil, errAt(n, "%s, where a number, a list of numbers, or a name is expected", describe(n))
	}
	switch n.Tag {
	case "!!int", "!!float":
		var f float64
		if n.Decode(&f) != nil {
			return nil, errAt(n, "%q is not a number", n.Value)
		}
		return f, nil
	case "!!bool":
		var b bool
		return b, n.Decode(&b)
	case "!!null":
		return nil, errAt(n, "a parameter without a value")
	}
	return n.Value, nil
}

// eachValue reads {each: [1, 0.5]}: one value per model.
func eachValue(n *yaml.Node) (any, error) {
	o, err := mapping(n)
	if err != nil {
		return nil, err
	}
	if err := o.only("a value that is a mapping", "each"); err != nil {
		return nil, err
	}
	nodes, err := o.list("each")
	if err != nil {
		return nil, err
	}
	var list []any
	for _, x := range nodes {
		v, err := value(x)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	if len(list) == 0 {
		return nil, errAt(n, "each needs a value for each model")
	}
	return list, nil
}

// perModel converts one value per model to a parameter. Models without a value have the default.
func perModel(m method.Method, name string, values []any, line int) (any, error) {
	param, err := m.Param(name)
	if err != nil {
		return nil, &Error{line, err.Error()}
	}
	if param.PerTask {
		if values[0] != nil {
			return nil, &Error{line, fmt.Sprintf("%s is a parameter of task vectors, and the base has none", name)}
		}
		values = values[1:]
	} else if !param.PerModel {
		return nil, &Error{line, fmt.Sprintf("%s has one value for all models", name)}
	}
	for i, v := range values {
		switch v.(type) {
		case nil:
			if param.Default == nil {
				return nil, &Error{line, fmt.Sprintf("%s is given for some models only", name)}
			}
			values[i] = param.Default
		case float64, method.Gradient:
		default:
			return nil, &Error{line, fmt.Sprintf("%s=%v is not a number", name, v)}
		}
	}
	return values, nil
}

// whole reads a number of at most 31 bits for sizes, and of 64 for seeds; 0 if the key is absent.
func (o *object) whole(key string) (uint64, error) {
	n := o.nodes[key]
	if n == nil {
		return 0, nil
	}
	bits := 31
	if key == "seed" {
		bits = 64
	}
	v, err := strconv.ParseUint(n.Value, 10, bits)
	if n.Kind != yaml.ScalarNode || err != nil {
		return 0, errAt(n, "%s is %s, where a whole number is expected", key, describe(n))
	}
	return v, nil
}
