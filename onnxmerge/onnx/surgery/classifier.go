package surgery

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/wiseft/wiseft/internal/numeric"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Classifier is the linear layer of a model that reads its features: a Gemm, or a MatMul
// with the Add that follows it. Its weights are float32.
type Classifier struct {
	Tensor       string // the features
	Classes, Dim int

	model        *onnx.Model
	weight, bias *onnx.Tensor
	transposed   bool         // weight is Dim x Classes
	mean         *onnx.Tensor // subtracted from the features first; nil: nothing is
}

// FindClassifier finds the linear layer that reads a value: directly, flattened, or with the mean subtracted as
// [Attach] does. None, or more than one, is an onnx.MismatchError.
func FindClassifier(m *onnx.Model, tensor string) (*Classifier, error) {
	means := map[string]*onnx.Tensor{tensor: nil} // by value: the tensor that was subtracted from the features
	var found []*Classifier
	for i := range m.Graph.Nodes {
		n := &m.Graph.Nodes[i]
		if len(n.Inputs) == 0 || len(n.Outputs) == 0 {
			continue
		}
		mean, reads := means[n.Inputs[0]]
		if !reads {
			continue
		}
		switch n.Op() {
		case "Identity", "Flatten", "Reshape", "Squeeze", "Dropout":
			means[n.Outputs[0]] = mean
		case "Sub":
			if t := subtracted(m, n); t != nil && mean == nil {
				means[n.Outputs[0]] = t
			}
		case "Gemm", "MatMul":
			c, err := linearAt(m, tensor, n)
			if err != nil {
				return nil, err
			}
			if c.mean = mean; mean != nil && mean.Len() != int64(c.Dim) {
				continue
			}
			found = append(found, c)
		}
	}
	if len(found) != 1 {
		return nil, onnx.MismatchError(fmt.Sprintf("%d linear layers read %q, want one classifier", len(found), tensor))
	}
	return found[0], nil
}

// subtracted returns the vector that a Sub takes from its first input, nil if there is none.
func subtracted(m *onnx.Model, n *onnx.Node) *onnx.Tensor {
	if len(n.Inputs) != 2 {
		return nil
	}
	t := m.LookupIn(m.Graph.Scope, n.Inputs[1])
	if t == nil || len(t.Dims) != 1 || t.DType != onnx.Float32 || !t.Readable() {
		return nil
	}
	return t
}

// linearAt reads the layer that n is, or whose first operator it is.
func linearAt(m *onnx.Model, tensor string, n *onnx.Node) (*Classifier, error) {
	c := &Classifier{Tensor: tensor, model: m, transposed: true}
	refuse := func(why string) error {
		return onnx.MismatchError(fmt.Sprintf("the layer %s that reads %q %s", n.Outputs[0], tensor, why))
	}
	if len(n.Inputs) < 2 {
		return nil, refuse("has no weights")
	}
	biasName := ""
	if n.Op() == "Gemm" {
		c.transposed = !slices.Equal(n.Ints["transB"], []int64{1})
		if alpha, ok := n.Floats["alpha"]; ok && alpha != 1 || slices.Equal(n.Ints["transA"], []int64{1}) {
			return nil, refuse("scales or transposes")
		}
		if beta, ok := n.Floats["beta"]; ok && beta != 1 {
			return nil, refuse("scales its intercept")
		}
		if len(n.Inputs) > 2 {
			biasName = n.Inputs[2]
		}
	} else {
		biasName = addedTo(m, n.Outputs[0])
	}
	c.weight, c.bias = m.LookupIn(m.Graph.Scope, n.Inputs[1]), m.LookupIn(m.Graph.Scope, biasName)
	if c.weight == nil || c.bias == nil {
		return nil, refuse("has no constant weight or no constant intercept")
	}
	shape := slices.Clone(c.weight.Dims)
	if len(shape) != 2 || c.weight.DType != onnx.Float32 || c.bias.DType != onnx.Float32 || !c.weight.Readable() ||
		!c.bias.Readable() {
		return nil, refuse("is not stored as a float32 matrix")
	}
	if c.transposed {
		slices.Reverse(shape)
	}
	c.Classes, c.Dim = int(shape[0]), int(shape[1])
	if c.bias.Len() != shape[0] {
		return nil, refuse(fmt.Sprintf("has %d intercepts for %d classes", c.bias.Len(), c.Classes))
	}
	return c, nil
}

// addedTo returns what an Add adds to a value, "" if there is none.
func addedTo(m *onnx.Model, value string) string {
	for _, n := range m.Graph.Nodes {
		if n.Op() == "Add" && len(n.Inputs) == 2 {
			switch value {
			case n.Inputs[0]:
				return n.Inputs[1]
			case n.Inputs[1]:
				return n.Inputs[0]
			}
		}
	}
	return ""
}

// Read returns the layer's weights, classes x dim, and intercepts.
func (c *Classifier) Read() (HeadLayer, error) {
	weight, err := float32s(c.weight)
	if err != nil {
		return HeadLayer{}, err
	}
	bias, err := float32s(c.bias)
	if err != nil {
		return HeadLayer{}, err
	}
	if c.transposed {
		weight = transpose(weight, c.Dim, c.Classes)
	}
	return c.shifted(HeadLayer{Weight: weight, Bias: numeric.Widen64(bias)}, -1)
}

// shifted converts between the model's layer, which takes features with the mean subtracted, and a layer for features
// without that: to the latter with sign -1, to the former with 1.
func (c *Classifier) shifted(layer HeadLayer, sign float64) (HeadLayer, error) {
	if c.mean == nil {
		return layer, nil
	}
	mean, err := float32s(c.mean)
	if err != nil {
		return HeadLayer{}, err
	}
	return layer.shifted(mean, sign), nil
}

// Write writes the model with other weights in the layer, and nothing else changed but the
// class names in the metadata. A layer of another shape is a [MismatchError].
func (c *Classifier) Write(ctx context.Context, w io.Writer, layer HeadLayer, classes []string) error {
	if len(layer.Bias) != c.Classes || len(layer.Weight) != c.Classes*c.Dim || layer.Activation != "" {
		return onnx.MismatchError(fmt.Sprintf("the classifier has %d classes and %d inputs, the head has %d and %d",
			c.Classes, c.Dim, len(layer.Bias), len(layer.Weight)/max(1, len(layer.Bias))))
	}
	for _, t := range []*onnx.Tensor{c.weight, c.bias} {
		if !t.Replaceable() {
			return onnx.UnsupportedError(fmt.Sprintf("tensor %q: its payload cannot be replaced", t.Name))
		}
	}
	layer, err := c.shifted(layer, 1)
	if err != nil {
		return err
	}
	weight := layer.Weight
	if c.transposed {
		weight = transpose(weight, c.Classes, c.Dim)
	}
	names, err := json.Marshal(classes)
	if err != nil {
		return err
	}
	change := onnx.Change{Metadata: []onnx.Entry{{Key: ClassesKey, Value: string(names)}}}
	return c.model.WriteChanged(ctx, w, change, replaceBy(c.weight, weight), replaceBy(c.bias, numeric.Round32(layer.Bias)))
}

// transpose returns x (rows x cols) as cols x rows.
func transpose(x []float32, rows, cols int) []float32 {
	out := make([]float32, len(x))
	for i := range rows {
		for j := range cols {
			out[j*rows+i] = x[i*cols+j]
		}
	}
	return out
}

func float32s(t *onnx.Tensor) ([]float32, error) {
	raw := make([]byte, t.SizeBytes())
	if err := t.ReadAt(raw, 0); err != nil {
		return nil, err
	}
	out := make([]float32, t.Len())
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return out, nil
}

// replaceBy replaces a tensor's payload by values.
func replaceBy(t *onnx.Tensor, values []float32) onnx.Replacement {
	raw := onnx.Float32Bytes(values)
	return onnx.Replacement{Tensor: t, Fill: func(dst []byte, off int64) error {
		copy(dst, raw[off:])
		return nil
	}}
}
