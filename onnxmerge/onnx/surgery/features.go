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
//  3. The only output, or, if that is a probability, what the classifier before it consumes.
//
// An error of kind Usage lists the outputs if none exists.
func Features(m *onnx.Model, headInput string) (string, error) {
	tensor, err := declaredFeatures(m)
	if tensor != "" || err != nil {
		return tensor, err
	}
	if m.Graph.Computes(headInput) {
		return headInput, nil
	}
	if len(m.Graph.Outputs) == 1 {
		output := m.Graph.Outputs[0].Name
		if inner := classifierInput(m, output); inner != "" {
			return inner, nil
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

// classifierInput returns what the last linear layer consumes, for an output that is a probability: Softmax, LogSoftmax
// or Sigmoid of that layer. It returns "" for any other output.
func classifierInput(m *onnx.Model, output string) string {
	isProbability := false
	for range maxLayersBack {
		n := m.Graph.Producer(output)
		if n == nil || len(n.Inputs) == 0 {
			return ""
		}
		switch n.Op() {
		case "Softmax", "LogSoftmax", "Sigmoid":
			isProbability = true
			output = n.Inputs[0]
		case "Identity", "Reshape", "Squeeze", "Flatten", "Cast":
			output = n.Inputs[0]
		case "Add": // the bias of a MatMul
			of := slices.DeleteFunc(flow.Sources(n), func(name string) bool { return flow.Tensor(m, m.Graph, name) != nil })
			if len(of) != 1 {
				return ""
			}
			output = of[0]
		case "Gemm", "MatMul":
			if !isProbability || len(n.Inputs) < 2 || flow.Tensor(m, m.Graph, n.Inputs[1]) == nil ||
				m.Graph.Producer(n.Inputs[0]) == nil {
				return ""
			}
			return n.Inputs[0]
		default:
			return ""
		}
	}
	return ""
}
