package surgery

import (
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
)

// FeaturesAndScores is the output that [CutBoth] leaves.
const FeaturesAndScores = "wiseft.features_and_scores"

// CutBoth returns the change that leaves, as the output [FeaturesAndScores], the features of a sample followed by the
// class scores of the model's own head, and the number of classes. The features stay an output of their own, so that
// their shape is known; it need not be computed. The scores must be computed from the features alone, by a linear layer
// at the end, and both be float32 with known widths; otherwise there are 0 classes and no change. One pass then
// computes both.
func CutBoth(m *onnx.Model, features string) (c onnx.Change, classes int, err error) {
	scores, err := Scores(m)
	if err != nil || scores == features {
		return c, 0, nil // no output is known to be class scores
	}
	layer := lastLinear(m, scores)
	if layer == nil || layer.width < 2 || !m.Graph.Computes(features) {
		return c, 0, nil
	}
	g, err := flow.New(m)
	if err != nil {
		return c, 0, err
	}
	if !g.Downstream(features)[scores] || m.Graph.Computes(FeaturesAndScores) || m.IRVersion < 4 {
		return c, 0, nil
	}
	if v := m.Graph.Value(scores); v.DType != onnx.Float32 && v.DType != onnx.DTypeUndefined {
		return c, 0, nil
	}
	c.Needed = g.Upstream(features, scores)
	var flat []string
	for _, value := range []string{features, scores} {
		name := FeaturesAndScores + "." + value
		c.Add.Node(onnx.NewNode{Name: name, OpType: "Flatten", Inputs: []string{value}, Outputs: []string{name},
			Attributes: []onnx.NewAttribute{{Name: "axis", Int: 1}}})
		flat = append(flat, name)
	}
	c.Add.Node(onnx.NewNode{Name: FeaturesAndScores, OpType: "Concat", Inputs: flat, Outputs: []string{FeaturesAndScores},
		Attributes: []onnx.NewAttribute{{Name: "axis", Int: 1}}})
	c.Add.Output(onnx.Value{Name: FeaturesAndScores, DType: onnx.Float32})
	c.Add.Output(m.Graph.Value(features))
	return c, int(layer.width), nil
}
