package onnxmerge

import (
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
)

// roles is what the operators of each model alone say about its tensors. It does not depend on the pairing, so that it is
// found while that is searched.
type roles struct {
	quantizedA, quantizedB map[*onnx.Tensor]string // see flow.Quantized
	blockedA, blockedB     map[*onnx.Tensor]bool   // see flow.Blocked
	settingsA, settingsB   map[*onnx.Tensor]string // see flow.Settings
	variancesB             map[*onnx.Tensor]bool   // see flow.Variances
	undefinedA, undefinedB []string                // see onnx.Model.Undefined
}

// newRoles finds the roles of the tensors of a pre-trained model a and a fine-tuned model b.
func newRoles(a, b *onnx.Model) *roles {
	return &roles{
		quantizedA: flow.Quantized(a), quantizedB: flow.Quantized(b),
		blockedA: flow.Blocked(a), blockedB: flow.Blocked(b),
		settingsA: flow.Settings(a), settingsB: flow.Settings(b),
		variancesB: flow.Variances(b),
		undefinedA: a.Undefined(), undefinedB: b.Undefined(),
	}
}
