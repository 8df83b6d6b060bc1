package repair

import (
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
)

// Norm is a BatchNormalization in the main graph of the written model, whose running statistics are merged.
type Norm struct {
	Name                  string // of its output
	Input                 string // the value that it normalises
	Scale, Mean, Variance *onnx.Tensor
	Epsilon               float64 // of the written graph
	Channels              int

	node int // index into the nodes of the graph
}

// defaultEpsilon is ONNX's default of BatchNormalization.epsilon.
const defaultEpsilon = 1e-5

// minOpset is the operator set from which on BatchNormalization has one statistic per channel and no mode of training
// unless it says so, and shapes are operands of Reshape.
const minOpset = 9

// FindNorms returns the BatchNormalizations that a plan merges, in the order of the file, and a line for each one that it
// keeps. Those that cannot be corrected are an error of kind Mismatch: in training mode, with statistics that two of
// them share, in bodies of control flow, and a model without any.
func FindNorms(plan *onnxmerge.Plan) (norms []Norm, kept []string, err error) {
	models := plan.Models()
	m := models[len(models)-1]
	if m.Opset() < minOpset {
		return nil, nil, fault.Mismatchf("the model has operator set %d, and statistics are repaired from %d on", m.Opset(),
			minOpset).WithHint("convert the models with onnx.version_converter, or merge without --repair")
	}
	if err := checkUses(m); err != nil {
		return nil, nil, err
	}
	g := m.Graph
	merged := map[string]bool{}
	for _, d := range plan.Decisions {
		merged[d.Tensor] = d.Action == onnxmerge.Merge
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if n.Op() != "BatchNormalization" || len(n.Inputs) < 5 || len(n.Outputs) == 0 {
			continue
		}
		if slices.Equal(n.Ints["training_mode"], []int64{1}) || hasFurtherOutputs(n) {
			return nil, nil, fault.Mismatchf("BatchNormalization %q is in training mode: it has no use for running statistics",
				n.Outputs[0]).WithHint("export the model in evaluation mode")
		}
		x, reason := newNorm(m, n)
		if reason == "" && !(merged[x.Mean.ID()] && merged[x.Variance.ID()]) {
			reason = "its running statistics are not merged"
		}
		if reason != "" {
			kept = append(kept, fmt.Sprintf("%s: %s", n.Outputs[0], reason))
			continue
		}
		x.node = i
		norms = append(norms, x)
	}
	if len(norms) == 0 {
		return nil, nil, noNorms(kept)
	}
	return norms, kept, nil
}

// noNorms returns the error about a model without statistics to repair.
func noNorms(kept []string) error {
	if len(kept) > 0 {
		return fault.Mismatchf("no BatchNormalization has merged statistics: %s", kept[0]).WithHint("merge without --repair")
	}
	return fault.Mismatchf("the network has no BatchNormalization in its main graph, whose running statistics could be " +
		"repaired (LayerNormalization has none, and folded ones are weights)").
		WithHint("merge without --repair, or export the models without folding BatchNormalization")
}

// hasFurtherOutputs reports whether an operator computes its statistics as well, as it does in training.
func hasFurtherOutputs(n *onnx.Node) bool {
	return slices.ContainsFunc(n.Outputs[1:], func(out string) bool { return out != "" })
}

// newNorm reads one operator; the reason is "" if its statistics are tensors of one number per channel.
func newNorm(m *onnx.Model, n *onnx.Node) (Norm, string) {
	x := Norm{Name: n.Outputs[0], Input: n.Inputs[0], Epsilon: epsilon(n), Scale: flow.Tensor(m, m.Graph, n.Inputs[1]),
		Mean: flow.Tensor(m, m.Graph, n.Inputs[3]), Variance: flow.Tensor(m, m.Graph, n.Inputs[4])}
	if x.Scale == nil || x.Mean == nil || x.Variance == nil {
		return x, "its statistics are computed"
	}
	x.Channels = int(x.Variance.Len())
	if x.Mean.Len() != x.Variance.Len() || x.Scale.Len() != x.Variance.Len() || x.Channels == 0 {
		return x, "its statistics are not of one length"
	}
	return x, ""
}

func epsilon(n *onnx.Node) float64 {
	if e, ok := n.Floats["epsilon"]; ok {
		return float64(e)
	}
	return defaultEpsilon
}

// checkUses refuses statistics that several operators share, and operators outside of the main graph.
func checkUses(m *onnx.Model) error {
	uses := map[*onnx.Tensor]string{}
	for g := range m.Bodies() {
		for i := range g.Nodes {
			n := &g.Nodes[i]
			if n.Op() != "BatchNormalization" || len(n.Inputs) < 5 || len(n.Outputs) == 0 {
				continue
			}
			if g != m.Graph {
				return fault.Mismatchf("BatchNormalization %q is in a body of control flow or in a function, where its input "+
					"cannot be measured", n.Outputs[0]).WithHint("inline it, or merge without --repair")
			}
			for _, name := range []string{n.Inputs[1], n.Inputs[3], n.Inputs[4]} {
				t := flow.Tensor(m, g, name)
				if other, ok := uses[t]; ok && t != nil && other != n.Outputs[0] {
					return fault.Mismatchf("the BatchNormalizations %q and %q share the tensor %q, and their inputs have other "+
						"statistics", other, n.Outputs[0], t.ID()).WithHint("merge without --repair")
				}
				uses[t] = n.Outputs[0]
			}
		}
	}
	return nil
}
