package surgery

import (
	"fmt"
	"math"
	"slices"

	"github.com/wiseft/wiseft/internal/numeric"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// ReadHead reads the layers that follow a value up to the class scores, as [Attach] writes them: linear layers, each
// with a BatchNormalization that is folded into it and a ReLU, or not. Dropout does nothing at inference. A head of
// other operators is an onnx.MismatchError that names the first.
func ReadHead(m *onnx.Model, tensor string) ([]HeadLayer, error) {
	r := &headReader{m: m, tensor: tensor, value: tensor}
	for {
		n, err := r.next()
		if err != nil {
			return nil, err
		}
		if n == nil {
			break
		}
		if err := r.read(n); err != nil {
			return nil, err
		}
	}
	if len(r.layers) == 0 {
		return nil, r.refuse("no linear layer reads it")
	}
	if r.layers[len(r.layers)-1].Activation != "" {
		return nil, r.refuse("its last layer has an activation")
	}
	return r.layers, nil
}

// headReader follows a head from the features on.
type headReader struct {
	m             *onnx.Model
	tensor, value string
	mean          []float32 // subtracted from the features first; nil is none
	layers        []HeadLayer
}

func (r *headReader) refuse(format string, args ...any) error {
	return onnx.MismatchError(fmt.Sprintf("the head behind %q: %s", r.tensor, fmt.Sprintf(format, args...)))
}

// next returns the operator that reads the value; nil at the end of the head, which probabilities may follow.
func (r *headReader) next() (*onnx.Node, error) {
	var found *onnx.Node
	for i := range r.m.Graph.Nodes {
		n := &r.m.Graph.Nodes[i]
		if n.Op() == "Shape" || len(n.Outputs) == 0 || !slices.Contains(n.Inputs, r.value) {
			continue
		}
		if found != nil {
			return nil, r.refuse("%s and %s read %q", found.Op(), n.Op(), r.value)
		}
		found = n
	}
	if found != nil && slices.Contains([]string{"Softmax", "LogSoftmax", "Sigmoid"}, found.Op()) {
		return nil, nil
	}
	return found, nil
}

// read adds what an operator does.
func (r *headReader) read(n *onnx.Node) error {
	next := n.Outputs[0]
	switch n.Op() {
	case "Identity", "Flatten", "Reshape", "Squeeze", "Dropout":
	case "Sub":
		t := subtracted(r.m, n)
		if t == nil || r.mean != nil || len(r.layers) > 0 {
			return r.refuse("a Sub that is not that of the features' mean")
		}
		var err error
		if r.mean, err = float32s(t); err != nil {
			return err
		}
	case "Gemm", "MatMul":
		if err := r.linear(n); err != nil {
			return err
		}
		if n.Op() == "MatMul" {
			r.value = next
			add, err := r.next()
			if err != nil || add == nil {
				return r.refuse("a MatMul without the Add of its intercepts")
			}
			next = add.Outputs[0]
		}
	case "BatchNormalization":
		if err := r.fold(n); err != nil {
			return err
		}
	case "Relu":
		last, err := r.last(n.Op())
		if err != nil {
			return err
		}
		last.Activation = "relu"
	default:
		return r.refuse("a %s, where linear layers, BatchNormalizations and ReLUs are read", n.Op())
	}
	r.value = next
	return nil
}

// linear adds a linear layer.
func (r *headReader) linear(n *onnx.Node) error {
	c, err := linearAt(r.m, r.value, n)
	if err != nil {
		return err
	}
	width := len(r.mean)
	if len(r.layers) > 0 {
		width = len(r.layers[len(r.layers)-1].Bias)
	}
	if width > 0 && width != c.Dim {
		return r.refuse("a layer of %d inputs follows %d values", c.Dim, width)
	}
	l, err := c.Read()
	if err != nil {
		return err
	}
	if len(r.layers) == 0 && r.mean != nil {
		l = l.shifted(r.mean, -1)
	}
	r.layers = append(r.layers, l)
	return nil
}

// last returns the layer that an operator follows, which has no activation yet.
func (r *headReader) last(op string) (*HeadLayer, error) {
	if len(r.layers) == 0 || r.layers[len(r.layers)-1].Activation != "" {
		return nil, r.refuse("a %s that follows no linear layer", op)
	}
	return &r.layers[len(r.layers)-1], nil
}

// fold multiplies a BatchNormalization into the layer before it:
//
//	y = scale (W x + b - mean) / sqrt(variance + epsilon) + shift
func (r *headReader) fold(n *onnx.Node) error {
	last, err := r.last(n.Op())
	if err != nil {
		return err
	}
	if len(n.Inputs) < 5 {
		return r.refuse("a BatchNormalization with %d inputs", len(n.Inputs))
	}
	var stats [4][]float64 // scale, shift, mean, variance
	for i := range stats {
		t := r.m.LookupIn(r.m.Graph.Scope, n.Inputs[i+1])
		if t == nil || t.DType != onnx.Float32 || !t.Readable() || t.Len() != int64(len(last.Bias)) {
			return r.refuse("%q is no float32 tensor of %d values", n.Inputs[i+1], len(last.Bias))
		}
		values, err := float32s(t)
		if err != nil {
			return err
		}
		stats[i] = numeric.Widen64(values)
	}
	epsilon, ok := n.Floats["epsilon"]
	if !ok {
		epsilon = 1e-5
	}
	inputs := len(last.Weight) / len(last.Bias)
	for i := range last.Bias {
		factor := stats[0][i] / math.Sqrt(stats[3][i]+float64(epsilon))
		last.Bias[i] = (last.Bias[i]-stats[2][i])*factor + stats[1][i]
		row := last.Weight[i*inputs : (i+1)*inputs]
		for k, w := range row {
			row[k] = float32(float64(w) * factor)
		}
	}
	return nil
}
