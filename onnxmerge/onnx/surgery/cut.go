package surgery

import (
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
)

// CutToFloat32 returns the change that leaves several values of a model as its only outputs. Each is cast to float32
// and has the name in outputs, which must be new ones. What the values do not depend on is removed. Inputs stay, also
// those that are not needed any more.
func CutToFloat32(m *onnx.Model, g *flow.Graph, values, outputs []string) onnx.Change {
	c := onnx.Change{Needed: g.Upstream(values...)}
	if m.IRVersion < 4 { // initializers are inputs, too, which would be required without them
		for name := range m.Graph.Initializers() {
			c.Needed[name] = true
		}
	}
	for i, value := range values {
		c.Add.Node(onnx.NewNode{Name: outputs[i], OpType: "Cast", Inputs: []string{value}, Outputs: []string{outputs[i]},
			Attributes: []onnx.NewAttribute{{Name: "to", Int: int64(onnx.Float32)}}})
		c.Add.Output(onnx.Value{Name: outputs[i], DType: onnx.Float32})
	}
	return c
}
