package graph

import (
	"context"
	"fmt"
	"io"

	"github.com/wiseft/wiseft/onnxmerge/internal/wire"
)

// Expose writes the model with the inner value named tensor as its only output. Whatever
// the value does not need, such as the head, is removed, operators and weights alike:
// runtimes compute all that is there, wanted or not.
func (m *Model) Expose(ctx context.Context, w io.Writer, tensor string) error {
	weights, err := m.Weights()
	if err != nil {
		return err
	}
	if err := m.checkValue(weights, tensor); err != nil {
		return err
	}
	edits := m.pruneTo(weights.Needs(tensor))
	edits = append(edits, m.insert(appendMessage(nil, graphOutput, valueInfo(m.Graph.value(tensor)))))
	_, err = m.write(ctx, single{w}, edits, nil, WriteOptions{Layout: Inside})
	return err
}

// checkValue refuses a name that no operator computes, and says what it is instead.
func (m *Model) checkValue(weights *WeightGraph, tensor string) error {
	for _, n := range m.Graph.Nodes {
		for _, name := range n.Outputs {
			if name == tensor && name != "" {
				return nil
			}
		}
	}
	if _, ok := weights.Value(tensor); ok {
		return &UnknownTensorError{tensor, "an input or a weight, not computed by the model"}
	}
	return &UnknownTensorError{tensor, "not in the model"}
}

// UnknownTensorError reports a tensor name that does not name a computed value.
type UnknownTensorError struct{ Tensor, Reason string }

func (e *UnknownTensorError) Error() string {
	return fmt.Sprintf("tensor %q is %s", e.Tensor, e.Reason)
}

// value returns the declared type of a value, its name alone if there is none.
func (g *Graph) value(name string) Value {
	for _, list := range [][]Value{g.Outputs, g.Values, g.Inputs} {
		for _, v := range list {
			if v.Name == name {
				return v
			}
		}
	}
	return Value{Name: name}
}

// insert returns the edit that appends fields to the main graph.
func (m *Model) insert(fields []byte) wire.Edit {
	end := m.Graph.within[len(m.Graph.within)-1].Body.End()
	return wire.NewEdit(wire.Span{Off: end}, fields, m.Graph.within)
}

// remove returns the edits that delete the items drop holds for.
func remove(items []item, drop func(name string) bool, within []wire.Field) []wire.Edit {
	var edits []wire.Edit
	for _, it := range items {
		if drop(it.name) {
			edits = append(edits, wire.Edit{At: it.field.Whole(), Within: within})
		}
	}
	return edits
}

func contains(items []item, name string) bool {
	for _, it := range items {
		if it.name == name {
			return true
		}
	}
	return false
}

// valueInfo encodes v as a ValueInfoProto. An undeclared type is left out; runtimes
// infer it.
func valueInfo(v Value) []byte {
	b := appendText(nil, valueName, v.Name)
	if v.DType == DTypeUndefined {
		return b
	}
	tensor := appendInt(nil, typeElemType, int64(v.DType))
	if v.Shape != nil {
		var shape []byte
		for _, d := range v.Shape {
			var dim []byte
			switch {
			case d.Len >= 0:
				dim = appendInt(nil, dimValue, d.Len)
			case d.Param != "":
				dim = appendText(nil, dimParam, d.Param)
			}
			shape = appendMessage(shape, shapeDim, dim)
		}
		tensor = appendMessage(tensor, typeShape, shape)
	}
	return appendMessage(b, valueType, appendMessage(nil, typeTensor, tensor))
}
