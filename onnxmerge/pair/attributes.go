package pair

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Weights that are paired may serve operators that compute something else: with another stride, another epsilon, or
// another activation behind them. A mix of such weights is that of two different networks.

// defaults are attributes that are compared, with the value that an omitted one has. "1..." stands for any number of
// ones; "" has no default.
type defaults map[string]string

var (
	convolved  = defaults{"strides": "1...", "dilations": "1...", "pads": "0...", "group": "1", "auto_pad": "NOTSET"}
	pooled     = defaults{"kernel_shape": "", "strides": "1...", "pads": "0...", "auto_pad": "NOTSET"}
	normalised = defaults{"epsilon": "1e-05"}
	attention  = defaults{"num_heads": "", "unidirectional": "0"}
)

// compared are the attributes that are compared, by operator.
var compared = map[string]defaults{
	"Conv": convolved, "ConvTranspose": convolved, "MaxPool": pooled, "AveragePool": pooled,
	batchNorm: normalised, "LayerNormalization": normalised, "SimplifiedLayerNormalization": normalised,
	"GroupNormalization": normalised, "InstanceNormalization": normalised, "RMSNormalization": normalised,
	"com.microsoft.Attention": attention, "com.microsoft.MultiHeadAttention": attention,
	"LSTM": {"direction": "forward", "input_forget": "0"},
	"GRU":  {"direction": "forward", "linear_before_reset": "0"},
	"RNN":  {"direction": "forward"},

	"LeakyRelu": {"alpha": "0.01"}, "Elu": {"alpha": "1"}, "HardSigmoid": {"alpha": "0.2", "beta": "0.5"},
	"Gelu": {"approximate": "none"},
}

// following are the operators without weights that are compared where they follow a paired operator.
var following = map[string]bool{"LeakyRelu": true, "Elu": true, "MaxPool": true, "AveragePool": true, "Softmax": true,
	"Relu": true, "Sigmoid": true, "Tanh": true, "Selu": true, "Softplus": true, "Mish": true, "HardSwish": true,
	"HardSigmoid": true, "Gelu": true, "GlobalAveragePool": true, "GlobalMaxPool": true}

// differences returns one line for each paired operator whose attributes, or the operators behind which, differ.
func (s *search) differences(al *Alignment) []string {
	var lines []string
	seen := make(map[*onnx.Node]bool, len(al.Pairs))
	for _, p := range al.Pairs {
		for _, c := range s.ofB.of(p.B).candidates {
			if seen[c.b.op.node] || c.a.tensor != p.A {
				continue
			}
			seen[c.b.op.node] = true
			if what := differ(c.a.op.node, c.b.op.node); what != "" {
				lines = append(lines, fmt.Sprintf("%s of %q has %s", c.b.op.node.Op(), p.B.ID(), what))
			}
			if c.b.op.isLinear() {
				lines = append(lines, differAfter(c.a.op, c.b.op, p.B.ID())...)
			}
		}
	}
	return lines
}

// differAfter compares the operators without weights that follow two paired ones.
func differAfter(a, b *op, id string) []string {
	listA, listB := a.after(), b.after()
	var lines []string
	for i := range min(len(listA), len(listB)) {
		x, y := listA[i], listB[i]
		if x.Op() != y.Op() {
			return append(lines, fmt.Sprintf("%s follows %q, and %s follows its counterpart", y.Op(), id, x.Op()))
		}
		if what := differ(x, y); what != "" {
			lines = append(lines, fmt.Sprintf("%s behind %q has %s", y.Op(), id, what))
		}
	}
	return lines
}

// after returns the operators of [following] behind o, up to the first other operator, or the first value with several
// consumers.
func (o *op) after() []*onnx.Node {
	var list []*onnx.Node
	for next := o.out.only(); next != nil; next = next.out.only() {
		switch {
		case following[next.node.Op()]:
			list = append(list, next.node)
		case !next.passes() && next.name != batchNorm:
			return list
		}
	}
	return list
}

// differ describes the attributes in which two nodes of one operator differ; "" if there are none.
func differ(a, b *onnx.Node) string {
	if a.Op() != b.Op() {
		return ""
	}
	var parts []string
	autoPad := attribute(a, "auto_pad", "NOTSET") != "NOTSET" || attribute(b, "auto_pad", "NOTSET") != "NOTSET"
	for name, value := range compared[b.Op()] {
		if a.References[name] != "" || b.References[name] != "" || autoPad && (name == "pads" || name == "auto_pad") {
			continue // values of a call, and two ways to write one padding, are not compared
		}
		x, y := attribute(a, name, value), attribute(b, name, value)
		if x != y && x != "" && y != "" {
			parts = append(parts, fmt.Sprintf("%s %s, not %s", name, y, x))
		}
	}
	slices.SortFunc(parts, cmp.Compare[string])
	return strings.Join(parts, ", ")
}

// attribute returns the value of an attribute as text; a list of equal numbers is "1...".
func attribute(n *onnx.Node, name, omitted string) string {
	if list, ok := n.Ints[name]; ok && len(list) > 0 {
		if strings.HasSuffix(omitted, "...") && slices.Max(list) == slices.Min(list) {
			return fmt.Sprintf("%d...", list[0])
		}
		return strings.Trim(strings.ReplaceAll(fmt.Sprint(list), " ", ","), "[]")
	}
	if v, ok := n.Floats[name]; ok {
		return fmt.Sprintf("%.6g", v)
	}
	if v, ok := n.Strings[name]; ok {
		return v
	}
	return omitted
}
