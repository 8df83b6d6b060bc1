package surgery

import (
	"context"
	"fmt"
	"io"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
)

// Expose writes the model with the value called tensor as its only output. What the value does not depend on, such as
// the head, is removed. The error is an [*UnknownTensorError] if no operator computes the value.
func Expose(ctx context.Context, w io.Writer, m *onnx.Model, tensor string) error {
	g, err := flow.New(m)
	if err != nil {
		return err
	}
	if err := checkComputed(m, g, tensor); err != nil {
		return err
	}
	c := onnx.Change{Needed: g.Upstream(tensor)}
	c.Add.Output(m.Graph.Value(tensor))
	return m.WriteChanged(ctx, w, c)
}

// checkComputed refuses a name that no operator computes, and says what it is instead.
func checkComputed(m *onnx.Model, g *flow.Graph, tensor string) error {
	if m.Graph.Computes(tensor) {
		return nil
	}
	if _, ok := g.Value(tensor); ok {
		return &UnknownTensorError{tensor, "an input or a weight, not computed by the model"}
	}
	return &UnknownTensorError{tensor, "not in the model"}
}

// UnknownTensorError reports a tensor name that does not name a computed value.
type UnknownTensorError struct{ Tensor, Reason string }

func (e *UnknownTensorError) Error() string {
	return fmt.Sprintf("tensor %q is %s", e.Tensor, e.Reason)
}

// Kind implements the kinds of package fault: the name was given by the user.
func (*UnknownTensorError) Kind() fault.Kind { return fault.Usage }
