package repair

import (
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
)

// Site is a place of the written model where activations are corrected: a [Norm] or a [Linear] operator.
type Site interface {
	// At says where it is.
	At() Place
	// Correct returns what replaces tensors of the site, from the moments of its value in the merged model, in which
	// all sites before it are corrected. A goal that does not exist, and a mode that the site does not have, are errors
	// of kind Mismatch.
	Correct(mode Mode, goal Goal, merged *Moments) (*Correction, error)
}

// Place is where a site is in the graph.
type Place struct {
	Name     string // of the output that the correction changes
	Value    string // whose moments are measured
	Channels int
	Last     bool         // channels are the last axis of the value, not the second
	Of       *onnx.Tensor // whose coefficients of the models make the goal

	node int // that computes Name: an index into the nodes of the graph
}

// minOpset is the operator set from which on BatchNormalization has one statistic per channel and no mode of training
// unless it says so, and shapes are operands of Reshape.
const minOpset = 9

// Find returns the sites of a plan in the order of the file, and a line for each operator of their kind that stays as
// it is. Sites are the BatchNormalizations whose running statistics are merged. A network without any has its linear
// operators instead: selfNormed then reports whether others normalise its activations by their own statistics, so that
// there is little to correct. What cannot be corrected is an error of kind Mismatch: normalisations in training mode,
// with statistics that two of them share, in bodies of control flow, and a model without any site.
func Find(plan *onnxmerge.Plan) (sites []Site, kept []string, selfNormed bool, err error) {
	models := plan.Models()
	m := models[len(models)-1]
	if m.Opset() < minOpset {
		return nil, nil, false, fault.Mismatchf("the model has operator set %d, and activations are repaired from %d on",
			m.Opset(), minOpset).WithHint("convert the models with onnx.version_converter, or merge without --repair")
	}
	if err := checkUses(m); err != nil {
		return nil, nil, false, err
	}
	merged := map[string]bool{}
	for _, d := range plan.Decisions {
		merged[d.Tensor] = d.Action == onnxmerge.Merge
	}
	norms, kept, err := findNorms(m, merged)
	if err != nil || len(norms) > 0 {
		return norms, kept, false, err
	}
	linear, unused := findLinear(m, merged)
	if kept = append(kept, unused...); len(linear) == 0 {
		reason := "it has neither BatchNormalization nor a linear operator in its main graph whose weights are merged"
		if len(kept) > 0 {
			reason = kept[0]
		}
		return nil, nil, false, fault.Mismatchf("the network has nothing to repair: %s", reason).
			WithHint("merge without --repair")
	}
	return linear, kept, normalisesItself(m), nil
}

// normalisesItself reports whether operators normalise activations by statistics of the activations themselves.
func normalisesItself(m *onnx.Model) bool {
	for g := range m.Bodies() {
		for i := range g.Nodes {
			switch n := &g.Nodes[i]; n.Op() {
			case "LayerNormalization", "GroupNormalization", "InstanceNormalization", "SimplifiedLayerNormalization",
				"SkipLayerNormalization", "SkipSimplifiedLayerNormalization", "LpNormalization", "RMSNormalization":
				return true
			case "ReduceMean": // of a normalisation in parts: x - mean(x), or the mean of squares
				if centres(g, n) {
					return true
				}
			}
		}
	}
	return false
}

// centres reports whether a mean is subtracted from what it is the mean of.
func centres(g *onnx.Graph, mean *onnx.Node) bool {
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if n.Op() == "Sub" && len(n.Inputs) == 2 && len(mean.Inputs) > 0 && n.Inputs[0] == mean.Inputs[0] &&
			n.Inputs[1] == mean.Outputs[0] {
			return true
		}
	}
	return false
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

// unused returns a line about an operator that stays as it is.
func unused(name, reason string) string { return fmt.Sprintf("%s: %s", name, reason) }

// hasFurtherOutputs reports whether an operator computes its statistics as well, as it does in training.
func hasFurtherOutputs(n *onnx.Node) bool {
	return slices.ContainsFunc(n.Outputs[1:], func(out string) bool { return out != "" })
}
