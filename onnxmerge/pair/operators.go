package pair

import (
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/internal/dims"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Operator implements flow.Visitor.
func (b *builder) Operator(_ *onnx.Graph, n *onnx.Node, ins []*value) []*value {
	if rule := rules[n.Op()]; rule != nil {
		if out := rule(b, n, operands(ins)); out != nil {
			return slices.Repeat([]*value{out}, max(1, len(n.Outputs))) // all outputs have one colour
		}
	}
	return slices.Repeat([]*value{b.operator(n.Op(), n, ins)}, len(n.Outputs))
}

// operator adds an operator of the given name for node n.
func (b *builder) operator(name string, n *onnx.Node, ins []*value) *value {
	o := b.graph.memory.ops.One()
	o.name, o.node = name, n
	return b.graph.add(o, ins)
}

// operands are the operands of a node; nil for missing ones.
type operands []*value

// at returns operand i; nil if it is missing.
func (o operands) at(i int) *value {
	if i < len(o) {
		return o[i]
	}
	return nil
}

// isWeight reports whether operand i is a stored tensor.
func (o operands) isWeight(i int) bool { return o.at(i) != nil && o.at(i).kind == weight }

// integers returns the elements of operand i, a stored list of axes or lengths; ok is false if it is none.
func (o operands) integers(i int) (list []int64, ok bool) {
	v := o.at(i)
	if v == nil || v.kind != constant || v.permuted == nil {
		return nil, false
	}
	t := v.permuted.tensor
	if t.Indices != nil || !t.Readable() || t.Len() > maxAxes {
		return nil, false
	}
	list, err := t.Integers()
	return list, err == nil
}

// maxAxes bounds the list of axes that is read.
const maxAxes = 16

// rule builds what an operator computes from simpler operators, so that two exporters' forms have one colour. nil
// means that the operator is added as it is.
type rule func(b *builder, n *onnx.Node, ins operands) *value

// rules has the operators with a rule: those that only move elements, those that exporters write in several ways, and
// those into which onnxruntime's optimiser fuses others (domain com.microsoft). Activations are transparent, so a fused
// one needs no operator.
var rules = map[string]rule{
	"Shape": constantResult, "Size": constantResult,

	"Identity": firstOperand, "Dropout": firstOperand, "Mul": product,

	"Transpose": transposeWeight,
	"Reshape":   reshapeWeight, "Squeeze": reshapeWeight, "Unsqueeze": reshapeWeight,
	"Flatten": forwardWeight, "Expand": forwardWeight, "Tile": forwardWeight, "Cast": forwardWeight, "CastLike": castLike,

	"Gemm":                      linear,
	"com.microsoft.FusedGemm":   linear,
	"com.microsoft.FusedMatMul": linear, "com.microsoft.TransposeMatMul": linear,
	"com.microsoft.FusedMatMulActivation": linear,

	"com.microsoft.FusedConv": convolution, "com.microsoft.NhwcFusedConv": convolution,
	"com.microsoft.NhwcConv": convolution,

	"LSTM": recurrent, "GRU": recurrent, "RNN": recurrent,

	"LayerNormalization": normalisation, "GroupNormalization": normalisation, "InstanceNormalization": instanceNorm,
	"RMSNormalization": normalisation, "SimplifiedLayerNormalization": normalisation,
	"com.microsoft.LayerNormalization": normalisation, "com.microsoft.SimplifiedLayerNormalization": normalisation,
	"com.microsoft.GroupNorm":                        normalisation,
	"com.microsoft.SkipLayerNormalization":           skipNorm(2, 4),
	"com.microsoft.SkipSimplifiedLayerNormalization": skipNorm(2, 3),
	"com.microsoft.SkipGroupNorm":                    skipGroupNorm,
	"com.microsoft.EmbedLayerNormalization":          embedNorm,

	"com.microsoft.BiasGelu": biased, "com.microsoft.FastGelu": biased, "com.microsoft.BiasSoftmax": biased,
	"com.microsoft.BiasSplitGelu": biased, "com.microsoft.BiasAdd": biased, "com.microsoft.BiasDropout": biased,
}

func constantResult(*builder, *onnx.Node, operands) *value { return &value{kind: constant} }

// firstOperand is the rule of operators that return their first operand.
func firstOperand(_ *builder, _ *onnx.Node, ins operands) *value {
	if ins.at(0) == nil {
		return &value{kind: constant}
	}
	return ins[0]
}

// forwardWeight is the rule of operators that leave the order of elements unchanged: colours ignore their grouping.
func forwardWeight(_ *builder, _ *onnx.Node, ins operands) *value {
	if ins.isWeight(0) {
		return ins[0]
	}
	return nil
}

// reshapeWeight is the rule of operators that move, add or remove axes of a weight. Those of length 1 are followed, so that
// the other axes are known behind them.
func reshapeWeight(_ *builder, n *onnx.Node, ins operands) *value {
	if !ins.isWeight(0) {
		return nil
	}
	list, ok := ins.integers(1)
	for _, name := range []string{"axes", "shape"} { // as operators of older versions have them
		if set := n.Ints[name]; set != nil {
			list, ok = set, true
		}
	}
	w := ins[0].permuted
	switch {
	case n.OpType == "Squeeze" && (ok || len(ins) == 1):
		return ins[0].reshaped(dims.Squeezed(w.shape, list))
	case n.OpType == "Unsqueeze" && ok:
		return ins[0].reshaped(dims.Unsqueezed(w.shape, list))
	case n.OpType == "Reshape" && ok:
		return ins[0].reshaped(dims.Reshaped(w.shape, list, isSet(n, "allowzero")))
	}
	return ins[0]
}

// product is the rule of a multiplication by 1.
func product(_ *builder, _ *onnx.Node, ins operands) *value {
	for i, x := range ins {
		if x != nil && x.isOne && len(ins) == 2 {
			return ins[1-i]
		}
	}
	return nil
}

// castLike is the rule of CastLike, whose second operand gives only its type.
func castLike(b *builder, n *onnx.Node, ins operands) *value {
	if ins.at(0) != nil && ins[0].isOne {
		return ins[0]
	}
	if len(ins) == 0 || ins.isWeight(0) {
		return forwardWeight(b, n, ins)
	}
	return b.operator("CastLike", n, ins[:1])
}

func transposeWeight(_ *builder, n *onnx.Node, ins operands) *value {
	if ins.isWeight(0) {
		return ins[0].transposed(n.Ints["perm"])
	}
	return nil
}

// linear decomposes Gemm and its relatives into MatMul, with the weight's axes permuted for transA and transB, and Add.
func linear(b *builder, n *onnx.Node, ins operands) *value {
	if len(ins) < 2 {
		return nil
	}
	x, w := ins[0], ins[1]
	if ins.isWeight(1) && isSet(n, "transB") {
		w = w.transposed(swapLast(w))
	}
	if ins.isWeight(0) && isSet(n, "transA") {
		x = x.transposed(swapLast(x))
	}
	product := b.graph.add(&op{name: "MatMul", node: n, alpha: n.Floats["alpha"]}, []*value{x, w})
	return b.activated(n, b.plus(n, product, ins.at(2)))
}

// activated adds the activation that is fused into an operator, so that no scale is folded across it.
func (b *builder) activated(n *onnx.Node, v *value) *value {
	if name := n.Strings["activation"]; name != "" {
		return b.operator(name, n, []*value{v})
	}
	return v
}

// swapLast returns the permutation that exchanges the last two axes of a weight.
func swapLast(v *value) []int64 {
	perm := make([]int64, len(v.permuted.shape))
	for i := range perm {
		perm[i] = int64(i)
	}
	if n := len(perm); n >= 2 {
		perm[n-2], perm[n-1] = perm[n-1], perm[n-2]
	}
	return perm
}

// convolution decomposes a fused Conv (X, W, B, Z) into Conv and the addition of Z.
func convolution(b *builder, n *onnx.Node, ins operands) *value {
	if len(ins) < 2 {
		return nil
	}
	return b.activated(n, b.plus(n, b.operator("Conv", n, ins[:min(3, len(ins))]), ins.at(3)))
}

// plus adds the addition of term, which may be missing.
func (b *builder) plus(n *onnx.Node, sum, term *value) *value {
	if term == nil {
		return sum
	}
	return b.operator("Add", n, []*value{sum, term})
}

// norm decomposes a normalisation of x: its scale and shift, which may be missing, become operands of Mul and Add, as
// some exporters write them.
func (b *builder) norm(n *onnx.Node, x, scale, shift *value) *value {
	if scale != nil {
		x = b.operator("Mul", n, []*value{x, scale})
	}
	return b.plus(n, x, shift)
}

// normalisation is the rule of normalisations (X, scale, shift).
func normalisation(b *builder, n *onnx.Node, ins operands) *value {
	if ins.at(0) == nil {
		return nil
	}
	return b.norm(n, ins[0], ins.at(1), ins.at(2))
}

// recurrent is the rule of recurrent layers, (X, W, R, B, lengths, initial state, initial cell, ...). Some exporters
// store initial states of zeros, others compute them.
func recurrent(b *builder, n *onnx.Node, ins operands) *value {
	ins = slices.Clone(ins)
	for i := 5; i < min(7, len(ins)); i++ {
		if ins.isWeight(i) && isFilled(ins[i].permuted.tensor, 0) {
			ins[i] = nil
		}
	}
	return b.operator(n.Op(), n, ins)
}

// instanceNorm is the rule of InstanceNormalization. Those with stored parameters are kept for [builder.dropUnitNorms].
func instanceNorm(b *builder, n *onnx.Node, ins operands) *value {
	out := normalisation(b, n, ins)
	if out != nil && ins.isWeight(1) && ins.isWeight(2) {
		b.instanceNorms = append(b.instanceNorms, out.op)
	}
	return out
}

// skipNorm is the rule of onnxruntime's normalisations of a sum: (input, skip, scale, [shift,] bias).
func skipNorm(scale, bias int) rule {
	return func(b *builder, n *onnx.Node, ins operands) *value {
		if ins.at(0) == nil || ins.at(1) == nil {
			return nil
		}
		var shift *value
		if bias > scale+1 {
			shift = ins.at(scale + 1)
		}
		sum := b.plus(n, b.plus(n, ins[0], ins.at(bias)), ins[1])
		return b.norm(n, sum, ins.at(scale), shift)
	}
}

// skipGroupNorm is the rule of SkipGroupNorm (X, gamma, beta, skip, bias).
func skipGroupNorm(b *builder, n *onnx.Node, ins operands) *value {
	if ins.at(0) == nil {
		return nil
	}
	return b.norm(n, b.plus(n, b.plus(n, ins[0], ins.at(4)), ins.at(3)), ins.at(1), ins.at(2))
}

// embedNorm is the rule of EmbedLayerNormalization (input_ids, segment_ids, word, position, segment, gamma, beta, mask,
// position_ids): the sum of three embeddings, normalised.
func embedNorm(b *builder, n *onnx.Node, ins operands) *value {
	if !ins.isWeight(2) {
		return nil
	}
	sum := b.operator("Gather", n, []*value{ins[2], ins[0]})
	for _, table := range []struct{ weight, ids int }{{4, 1}, {3, 8}} {
		if ins.isWeight(table.weight) {
			ids := ins.at(table.ids)
			if ids == nil {
				ids = &value{kind: constant}
			}
			sum = b.plus(n, sum, b.operator("Gather", n, []*value{ins[table.weight], ids}))
		}
	}
	return b.norm(n, sum, ins.at(5), ins.at(6))
}

// biased is the rule of onnxruntime's activations of a sum: (X, bias[, residual]).
func biased(b *builder, n *onnx.Node, ins operands) *value {
	if ins.at(0) == nil {
		return nil
	}
	sum := b.plus(n, ins[0], ins.at(1))
	if n.OpType == "BiasAdd" || n.OpType == "BiasDropout" {
		return b.plus(n, sum, ins.at(2))
	}
	return sum
}

func isSet(n *onnx.Node, attribute string) bool {
	list := n.Ints[attribute]
	return len(list) == 1 && list[0] != 0
}
