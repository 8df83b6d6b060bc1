package surgery

import (
	"context"
	"fmt"
	"io"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
)

// Cut returns the change that leaves the value called tensor as the model's only output. What the value does not depend
// on, such as the head, is removed. It is the zero Change if tensor is the only output already. The error is an
// [*UnknownTensorError] if no operator computes the value.
//
// The change does not depend on payloads, so one Change serves all models with the graph of m: it is applied while
// payloads are replaced (onnx.WriteOptions.Change), or to a copy that is written already (onnx.Model.WriteCopyChanged,
// as a sweep does, which records the hash of the whole merged model). Both give the bytes of Expose on that model.
func Cut(m *onnx.Model, tensor string) (onnx.Change, error) {
	if len(m.Graph.Outputs) == 1 && m.Graph.Outputs[0].Name == tensor {
		return onnx.Change{}, nil
	}
	g, err := flow.New(m)
	if err != nil {
		return onnx.Change{}, err
	}
	if err := checkComputed(m, g, tensor); err != nil {
		return onnx.Change{}, err
	}
	c := onnx.Change{Needed: g.Upstream(tensor)}
	c.Add.Output(m.Graph.Value(tensor))
	return c, nil
}

// CutAsFloat32 is [Cut] with the value cast to float32, which has the shape of the value and the name that is returned.
func CutAsFloat32(m *onnx.Model, tensor string) (c onnx.Change, name string, err error) {
	g, err := flow.New(m)
	if err != nil {
		return c, "", err
	}
	if err := checkComputed(m, g, tensor); err != nil {
		return c, "", err
	}
	name = tensor + " as float32"
	c.Needed = g.Upstream(tensor)
	c.Add.Node(onnx.NewNode{Name: name, OpType: "Cast", Inputs: []string{tensor}, Outputs: []string{name},
		Attributes: []onnx.NewAttribute{{Name: "to", Int: int64(onnx.Float32)}}})
	c.Add.Output(onnx.Value{Name: name, DType: onnx.Float32, Shape: m.Graph.Value(tensor).Shape})
	return c, name, nil
}

// Expose writes the model, as one file, with the value called tensor as its only output; see [Cut].
func Expose(ctx context.Context, w io.Writer, m *onnx.Model, tensor string) error {
	c, err := Cut(m, tensor)
	if err != nil {
		return err
	}
	return m.WriteChanged(ctx, w, c)
}

// checkComputed refuses a name that no operator computes. The reason states whether it is an input or a weight.
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
