package flow

import "github.com/wiseft/wiseft/onnxmerge/onnx"

// Blocked returns the weights whose elements are in the order of one machine's vector instructions: those of Conv in
// onnxruntime's domain com.microsoft.nchwc. Their shape is that of Conv, and the block length is not in the file, so
// they cannot be compared with weights in ONNX's order.
func Blocked(m *onnx.Model) map[*onnx.Tensor]bool {
	found := map[*onnx.Tensor]bool{}
	if !calls(m, func(n *onnx.Node) bool { return n.Op() == blockedConv }) {
		return found
	}
	for o := range Operands(m) {
		if o.Slot == 1 && o.Node.Op() == blockedConv {
			found[o.Tensor] = true
		}
	}
	return found
}

const blockedConv = "com.microsoft.nchwc.Conv"
