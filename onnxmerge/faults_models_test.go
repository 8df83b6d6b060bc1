package onnxmerge

import (
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
)

// flattened is a convolution and a dense layer behind Flatten; its rows are in the order of
// channels first or last. A seed above 0 gives near weights.
func flattened(channelsLast bool, seed uint64) *onnxtest.Builder {
	const channels, places = 4, 9
	b := &onnxtest.Builder{}
	kernel, dense := onnxtest.Random(1, channels*4*9), onnxtest.Random(2, channels*places*units)
	other := onnxtest.Random(3, units*units)
	if seed > 0 {
		kernel, dense = onnxtest.Near(kernel, seed), onnxtest.Near(dense, seed+1)
		other = onnxtest.Near(other, seed+2)
	}
	rows := slices.Clone(dense)
	if channelsLast {
		for c := range channels {
			for p := range places {
				copy(rows[(p*channels+c)*units:][:units], dense[(c*places+p)*units:][:units])
			}
		}
	}
	b.Tensor("kernel", kernel, channels, 4, 3, 3)
	b.Tensor("dense", rows, channels*places, units)
	b.Tensor("other", other, units, units)
	b.Node("maps", "Conv", "x", "kernel")
	b.Node("flat", "Flatten", "maps")
	b.Node("hidden", "MatMul", "flat", "dense")
	b.Node("act", "Relu", "hidden")
	b.Node("y", "MatMul", "act", "other")
	return b
}

// joinedBias is a layer whose bias is stored in two parts that the graph joins, or in one.
func joinedBias(isJoined bool) *onnxtest.Builder {
	b := &onnxtest.Builder{}
	weight, bias := onnxtest.Random(1, units*units), onnxtest.Random(2, units)
	b.Tensor("weight", weight, units, units)
	b.Node("product", "MatMul", "x", "weight")
	if isJoined {
		b.Tensor("first", bias[:units/2], units/2)
		b.Tensor("second", bias[units/2:], units/2)
		b.Node("bias", "Concat", "first", "second")
	} else {
		b.Tensor("bias", bias, units)
	}
	b.Node("y", "Add", "product", "bias")
	return b
}

// tokens joins a class token with the input, from a tensor that has it once or for each sample of a batch.
func tokens(samples int, seed uint64) *onnxtest.Builder {
	b := &onnxtest.Builder{}
	token, weight := onnxtest.Random(80, units), onnxtest.Random(81, units*units)
	if seed > 0 {
		token, weight = onnxtest.Near(token, seed), onnxtest.Near(weight, seed+1)
	}
	b.Tensor("token", slices.Repeat(token, samples), samples, 1, units)
	b.Call([]string{"joined"}, "", "Concat", []string{"token", "x"}, onnxtest.Attr{Name: "axis", Value: int64(1)})
	b.Tensor("weight", weight, units, units)
	b.Node("y", "MatMul", "joined", "weight")
	return b
}

// gates is a layer whose weight has two gates in the other order than its file, or is stored in its order, which an
// exporter computes in advance.
func gates(stored bool, seed uint64) *onnxtest.Builder {
	b := &onnxtest.Builder{}
	first, second := onnxtest.Random(82, units*units), onnxtest.Random(83, units*units)
	bias := onnxtest.Random(84, 2*units)
	if seed > 0 {
		first, second = onnxtest.Near(first, seed), onnxtest.Near(second, seed+1)
		bias = onnxtest.Near(bias, seed+2)
	}
	if stored {
		b.Tensor("stored", slices.Concat(second, first), 2*units, units)
		b.Tensor("shift", slices.Concat(bias[units:], bias[:units]), 2*units)
	} else {
		b.Tensor("w.first", first, units, units)
		b.Tensor("w.second", second, units, units)
		b.Tensor("bias.first", bias[:units], units)
		b.Tensor("bias.second", bias[units:], units)
		axis := onnxtest.Attr{Name: "axis", Value: int64(0)}
		b.Call([]string{"stored"}, "", "Concat", []string{"w.second", "w.first"}, axis)
		b.Call([]string{"shift"}, "", "Concat", []string{"bias.second", "bias.first"}, axis)
	}
	b.Call([]string{"y"}, "", "Gemm", []string{"x", "stored", "shift"}, onnxtest.Attr{Name: "transB", Value: int64(1)})
	return b
}

// slopes adds a PRelu behind layer 1.
func slopes(x float64) func(*onnxtest.Builder, int, string) string {
	return func(b *onnxtest.Builder, i int, value string) string {
		if i != 1 {
			return value
		}
		name := "slope" + value // another name in each model
		b.Tensor(name, []float64{x}, 1)
		b.Node("sloped", "PRelu", value, name)
		return "sloped"
	}
}

// biasedConvolution is a convolution with its bias, or with one that is added behind a Transpose, as JAX's exporter
// does. Without perm the Transpose reverses the axes, so that the vector is not along the channels.
func biasedConvolution(isBehind bool, perm ...int64) *onnxtest.Builder {
	b := &onnxtest.Builder{}
	kernel, bias := onnxtest.Random(1, 8*4*9), onnxtest.Random(2, 8)
	b.Tensor("kernel", kernel, 8, 4, 3, 3)
	if !isBehind {
		b.Tensor("bias", bias, 8)
		b.Node("y", "Conv", "x", "kernel", "bias")
		return b
	}
	b.Tensor("added", bias, 8)
	b.Node("maps", "Conv", "x", "kernel")
	var attrs []onnxtest.Attr
	if len(perm) > 0 {
		attrs = append(attrs, onnxtest.Attr{Name: "perm", Value: perm})
	}
	b.Call([]string{"moved"}, "", "Transpose", []string{"maps"}, attrs...)
	b.Node("y", "Add", "moved", "added")
	return b
}

// scaledWithoutShift adds the scale of a normalisation behind every layer, and its shift if there is one: exporters drop a
// shift of zeros, and store equal scales once.
func scaledWithoutShift(scale, shift []float64) func(*onnxtest.Builder, int, string) string {
	return func(b *onnxtest.Builder, i int, value string) string {
		name := "scale"
		if shift != nil {
			name += value
		}
		if shift != nil || i == 0 {
			b.Tensor(name, scale, units)
		}
		b.Node("scaled"+value, "Mul", value, name)
		if shift == nil {
			return "scaled" + value
		}
		b.Tensor("shift"+value, shift, units)
		b.Node("shifted"+value, "Add", "scaled"+value, "shift"+value)
		return "shifted" + value
	}
}

// fusedActivation is a layer with its ReLU, fused or not, and a scale behind it that belongs to no weight.
func fusedActivation(isFused bool) *onnxtest.Builder {
	b := &onnxtest.Builder{}
	weight := onnxtest.Random(1, units*units)
	if isFused {
		weight = onnxtest.Near(weight, 2)
	}
	b.Tensor("weight", weight, units, units)
	b.Tensor("scale", unitScales(), units)
	if isFused {
		b.Call([]string{"hidden"}, "com.microsoft", "FusedGemm", []string{"x", "weight"},
			onnxtest.Attr{Name: "activation", Value: "Relu"})
	} else {
		b.Node("product", "Gemm", "x", "weight")
		b.Node("hidden", "Relu", "product")
	}
	b.Node("y", "Mul", "hidden", "scale")
	return b
}

// strided is a model of one Conv with a stride, and a Relu or another activation behind it.
func strided(stride int64, activation string) *onnxtest.Builder {
	b := &onnxtest.Builder{}
	b.Tensor("kernel", onnxtest.Near(onnxtest.Random(1, 8*4*9), uint64(stride)), 8, 4, 3, 3)
	b.Call([]string{"maps"}, "", "Conv", []string{"x", "kernel"},
		onnxtest.Attr{Name: "strides", Value: []int64{stride, stride}})
	b.Node("y", activation, "maps")
	return b
}

// permuted returns the layers with the units of layer 1 in another order, which computes the same.
func (l layers) permuted() layers {
	w, bias, next := slices.Clone(l.weight[1]), slices.Clone(l.bias[1]), slices.Clone(l.weight[2])
	for k := range units {
		to := (k + 5) % units
		bias[to] = l.bias[1][k]
		copy(next[to*units:][:units], l.weight[2][k*units:][:units])
		for i := range units {
			w[i*units+to] = l.weight[1][i*units+k]
		}
	}
	l.weight[1], l.bias[1], l.weight[2] = w, bias, next
	return l
}

// convolutions is a model of two Conv of a domain.
func convolutions(domain string) *onnxtest.Builder {
	b := &onnxtest.Builder{}
	value := "x"
	for i, out := range []string{"hidden", "y"} {
		name := out + ".weight" + domain
		b.Tensor(name, onnxtest.Random(uint64(i), 16*16), 16, 16, 1, 1)
		b.Call([]string{out}, domain, "Conv", []string{value, name})
		value = out
	}
	return b
}

// integers is a dynamically quantised layer whose integers and scale depend on k.
func integers(prefix string, k int8) *onnxtest.Builder {
	b := &onnxtest.Builder{}
	values := make([]int8, units*units)
	for i := range values {
		values[i] = int8(i) * k
	}
	b.Int8(prefix+"w_quantized", values, units, units)
	b.Tensor(prefix+"w_scale", []float64{0.01 * float64(k)}, 1)
	b.Tensor(prefix+"bias", onnxtest.Random(5, units), units)
	b.Call([]string{"q", "q_scale", "q_zero"}, "", "DynamicQuantizeLinear", []string{"x"})
	b.Node("product", "MatMulInteger", "q", prefix+"w_quantized", "q_zero")
	b.Call([]string{"float"}, "", "Cast", []string{"product"}, onnxtest.Attr{Name: "to", Value: int64(1)})
	b.Node("scale", "Mul", "q_scale", prefix+"w_scale")
	b.Node("scaled", "Mul", "float", "scale")
	b.Node("y", "Add", "scaled", prefix+"bias")
	return b
}

// towers is a model of two equal layers for two inputs, listed in the given order.
func towers(first, second string) *onnxtest.Builder {
	b := &onnxtest.Builder{}
	for _, name := range []string{first, second} {
		b.Input(name, -1, units)
	}
	for i, name := range []string{"left", "right"} {
		copies := onnxtest.Random(1, units*units) // the towers began as copies
		b.Tensor(name+".weight", onnxtest.Near(copies, uint64(2+i)), units, units)
		b.Node(name+"_out", "MatMul", name, name+".weight")
	}
	b.Node("y", "Concat", "left_out", "right_out")
	return b
}

// tokened is the network of samples, and of a token for each of them: the input times 0, and a weight added.
func tokened(l layers, token []float64) *onnxtest.Builder {
	b := &onnxtest.Builder{}
	b.Tensor("zero", []float64{0})
	b.Tensor("token", token, 1, units)
	b.Node("zeros", "Mul", "x", "zero")
	b.Node("tokens", "Add", "zeros", "token")
	b.Node("both", "Concat", "x", "tokens")
	value := "both"
	for i, out := range []string{"a", "b", "y"} {
		b.Tensor(out+".weight", l.weight[i], units, units)
		b.Tensor(out+".bias", l.bias[i], units)
		b.Node(out, "Gemm", value, out+".weight", out+".bias")
		value = out
	}
	return b
}

// rescaled is the network behind a Mul of the input by k.
func rescaled(l layers, k float64) *onnxtest.Builder {
	b := &onnxtest.Builder{}
	b.Tensor("factor", []float64{k})
	b.Node("rescaled", "Mul", "x", "factor")
	value := "rescaled"
	for i, out := range []string{"a", "b", "y"} {
		b.Tensor(out+".weight", l.weight[i], units, units)
		b.Tensor(out+".bias", l.bias[i], units)
		b.Node(out, "Gemm", value, out+".weight", out+".bias")
		value = out
	}
	return b
}

// learnedFactor adds a Mul behind layer 1, by the exponential of a stored number or by a number in a Constant node.
func learnedFactor(isComputed bool, x float64) func(*onnxtest.Builder, int, string) string {
	return func(b *onnxtest.Builder, i int, value string) string {
		if i != 1 {
			return value
		}
		if isComputed {
			b.Call([]string{"factor"}, "", "Constant", nil, onnxtest.Attr{Name: "value_float", Value: x})
		} else {
			b.Tensor("temperature", []float64{x})
			b.Node("factor", "Exp", "temperature")
		}
		b.Node("scaled", "Mul", value, "factor")
		return "scaled"
	}
}

// heads is an attention with layers of its own for query, key and value, or with one whose result is split. A seed above 0
// gives near weights.
func heads(isJoined bool, seed uint64) *onnxtest.Builder {
	b := &onnxtest.Builder{}
	names := []string{"query", "key", "value"}
	joined := make([]float64, 0, units*3*units)
	parts := make([][]float64, 3)
	for i := range parts {
		parts[i] = onnxtest.Random(uint64(60+i), units*units)
		if seed > 0 {
			parts[i] = onnxtest.Near(parts[i], seed+uint64(i))
		}
	}
	if isJoined {
		for row := range units {
			for _, part := range parts {
				joined = append(joined, part[row*units:][:units]...)
			}
		}
		b.Tensor("joined", joined, units, 3*units)
		b.Node("product", "MatMul", "x", "joined")
		b.Call(names, "", "Split", []string{"product"}, onnxtest.Attr{Name: "axis", Value: int64(-1)},
			onnxtest.Attr{Name: "split", Value: []int64{units, units, units}})
	} else {
		for i, name := range names {
			b.Tensor(name+".weight", parts[i], units, units)
			b.Node(name, "MatMul", "x", name+".weight")
		}
	}
	bias, out := onnxtest.Random(70, units), onnxtest.Random(71, units*units)
	if seed > 0 {
		bias, out = onnxtest.Near(bias, seed+8), onnxtest.Near(out, seed+9)
	}
	b.Tensor("value.bias", bias, units)
	b.Tensor("out", out, units, units)
	b.Node("turned", "Transpose", "key")
	b.Node("scores", "MatMul", "query", "turned")
	b.Node("attention", "Softmax", "scores")
	b.Node("values", "Add", "value", "value.bias")
	b.Node("mixed", "MatMul", "attention", "values")
	b.Node("y", "MatMul", "mixed", "out")
	return b
}

// standardised is a convolution of which the weight is normalised as the model runs, or was when it was exported.
func standardised(isStored bool) *onnxtest.Builder {
	b := &onnxtest.Builder{}
	weight := onnxtest.Random(1, 8*4*9)
	if isStored {
		b.Tensor("kernel", weight, 8, 4, 3, 3)
		b.Node("y", "Conv", "x", "kernel")
		return b
	}
	b.Tensor("flat", onnxtest.Near(weight, 2), 1, 8, 36)
	for name, value := range map[string]float64{"one": 1, "zero": 0} {
		b.Tensor(name, slices.Repeat([]float64{value}, 8), 8)
	}
	b.Int64("shape", []int64{8, 4, 3, 3}, 4)
	b.Node("normed", "BatchNormalization", "flat", "one", "zero", "zero", "one")
	b.Node("made", "Reshape", "normed", "shape")
	b.Node("y", "Conv", "x", "made")
	return b
}

// temperature multiplies the halves of layer 1's result by a number each, under the given name.
func temperature(name string, values ...float64) func(*onnxtest.Builder, int, string) string {
	return func(b *onnxtest.Builder, i int, value string) string {
		if i != 1 {
			return value
		}
		b.Int64("halves", []int64{-1, 2, units / 2}, 3)
		b.Int64("whole", []int64{-1, units}, 2)
		b.Tensor(name, values, 2, 1)
		b.Node("split", "Reshape", value, "halves")
		b.Node("scaled", "Mul", "split", name)
		b.Node("joined", "Reshape", "scaled", "whole")
		return "joined"
	}
}
