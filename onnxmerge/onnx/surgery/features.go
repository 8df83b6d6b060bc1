package surgery

import (
	"slices"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
)

// Features returns the value that is taken as a model's features: the first of these that exists.
//
//  1. The output that the model declares as such: one called "features", or of several outputs the one from which
//     all others are computed.
//  2. headInput, if the model computes it: the value that the head is known to consume, from a merge; "" if it is not
//     known.
//  3. The only output, or, if that is class scores, what the classifier that computes them consumes. Class scores are
//     probabilities, outputs of such a name, and outputs of a linear layer that are as wide as the data has classes; 0
//     classes are not known.
//
// An error of kind Usage lists the outputs if none exists.
func Features(m *onnx.Model, headInput string, classes int) (string, error) {
	tensor, err := declaredFeatures(m)
	if tensor != "" || err != nil {
		return tensor, err
	}
	if m.Graph.Computes(headInput) {
		return headInput, nil
	}
	if len(m.Graph.Outputs) == 1 {
		output := m.Graph.Outputs[0].Name
		if layer := lastLinear(m, output); layer != nil && layer.isScores(output, classes) {
			return layer.input, nil
		}
		return output, nil
	}
	return "", fault.Usagef("the model has %d outputs (%s)", len(m.Graph.Outputs), names(m.Graph.Outputs)).
		WithHint("choose one, or any inner tensor, with --output TENSOR")
}

// Scores returns the output that has the class scores of a model's own head: the only one besides the features.
// An error of kind Usage lists the outputs if there is more than one.
func Scores(m *onnx.Model) (string, error) {
	features, err := declaredFeatures(m)
	if err != nil {
		return "", err
	}
	var outputs []onnx.Value
	for _, o := range m.Graph.Outputs {
		if o.Name != features || len(m.Graph.Outputs) == 1 {
			outputs = append(outputs, o)
		}
	}
	if len(outputs) != 1 {
		return "", fault.Usagef("the model has %d outputs that may be its class scores (%s)", len(outputs), names(outputs)).
			WithHint("choose one with --output TENSOR")
	}
	return outputs[0].Name, nil
}

// names joins the names of values.
func names(values []onnx.Value) string {
	var list []string
	for _, v := range values {
		list = append(list, v.Name)
	}
	return strings.Join(list, ", ")
}

// usualFeatures is the name that exporters give the output that the head consumes.
const usualFeatures = "features"

// declaredFeatures returns the output that the model declares as its features; "" if it declares none.
func declaredFeatures(m *onnx.Model) (string, error) {
	outputs := m.Graph.Outputs
	if slices.ContainsFunc(outputs, func(o onnx.Value) bool { return o.Name == usualFeatures }) {
		return usualFeatures, nil
	}
	if len(outputs) < 2 {
		return "", nil
	}
	g, err := flow.New(m)
	if err != nil {
		return "", err
	}
	for _, o := range outputs {
		if !m.Graph.Computes(o.Name) {
			continue
		}
		after := g.Downstream(o.Name)
		if !slices.ContainsFunc(outputs, func(other onnx.Value) bool { return !after[other.Name] }) {
			return o.Name, nil
		}
	}
	return "", nil
}

// maxLayersBack bounds the operators between an output and the classifier.
const maxLayersBack = 16

// linearLayer is the linear layer that computes an output.
type linearLayer struct {
	input       string // what it consumes
	width       int64  // of its output; 0 if it is not known
	probability bool   // Softmax, LogSoftmax or Sigmoid follows
}

// lastLinear returns the linear layer that computes an output, which only changes of its shape and the functions of
// probabilities may follow; nil if there is none.
func lastLinear(m *onnx.Model, output string) *linearLayer {
	layer := &linearLayer{}
	for range maxLayersBack {
		n := m.Graph.Producer(output)
		if n == nil || len(n.Inputs) == 0 {
			return nil
		}
		switch n.Op() {
		case "Softmax", "LogSoftmax", "Sigmoid":
			layer.probability = true
			output = n.Inputs[0]
		case "Identity", "Reshape", "Squeeze", "Flatten", "Cast":
			output = n.Inputs[0]
		case "Add": // the bias of a MatMul
			of := slices.DeleteFunc(flow.Sources(n), func(name string) bool { return flow.Tensor(m, m.Graph, name) != nil })
			if len(of) != 1 {
				return nil
			}
			output = of[0]
		case "Gemm", "MatMul":
			if len(n.Inputs) < 2 || m.Graph.Producer(n.Inputs[0]) == nil {
				return nil
			}
			weight := flow.Tensor(m, m.Graph, n.Inputs[1])
			if weight == nil {
				return nil
			}
			layer.input = n.Inputs[0]
			if len(weight.Dims) == 2 {
				layer.width = weight.Dims[1]
				if slices.Equal(n.Ints["transB"], []int64{1}) {
					layer.width = weight.Dims[0]
				}
			}
			return layer
		default:
			return nil
		}
	}
	return nil
}

// scoreNames are parts of names that exporters give class scores.
var scoreNames = []string{"logit", "score", "prob", "class", "softmax"}

// isScores reports whether the output of a layer is class scores: a probability, an output of that name, or one as wide
// as the classes of the data, if that number is known.
func (l *linearLayer) isScores(output string, classes int) bool {
	name := strings.ToLower(output)
	return l.probability || classes > 1 && l.width == int64(classes) ||
		slices.ContainsFunc(scoreNames, func(part string) bool { return strings.Contains(name, part) })
}

// Unsure returns what the last linear layer consumes if it is the features only by assumption: the only output is that
// layer's, and neither its name nor its width says whether it has class scores. It returns "" otherwise.
func Unsure(m *onnx.Model, classes int) string {
	if len(m.Graph.Outputs) != 1 || m.Graph.Outputs[0].Name == usualFeatures {
		return ""
	}
	output := m.Graph.Outputs[0].Name
	if layer := lastLinear(m, output); layer != nil && !layer.isScores(output, classes) {
		return layer.input
	}
	return ""
}
