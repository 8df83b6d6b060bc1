package onnxmerge

import (
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
)

// layers are the weights of a network x -> linear -> relu -> linear -> relu -> linear -> y of 12 units, to which faults
// are added: the weights of the pre-trained model and near ones.
type layers struct {
	weight [3][]float64
	bias   [3][]float64
}

const units = 12

func pretrainedLayers() (l layers) {
	for i := range l.weight {
		l.weight[i] = onnxtest.Random(uint64(10+i), units*units)
		l.bias[i] = onnxtest.Random(uint64(20+i), units)
	}
	return l
}

func (l layers) finetuned() layers {
	for i := range l.weight {
		l.weight[i] = onnxtest.Near(l.weight[i], uint64(30+i))
		l.bias[i] = onnxtest.Near(l.bias[i], uint64(40+i))
	}
	return l
}

// scaled returns the layers with layer i times s by output unit; s has one or all elements.
func (l layers) scaled(i int, s ...float64) layers {
	l.weight[i], l.bias[i] = slices.Clone(l.weight[i]), slices.Clone(l.bias[i])
	for k := range l.weight[i] {
		l.weight[i][k] *= s[k%units%len(s)]
	}
	for k := range l.bias[i] {
		l.bias[i][k] *= s[k%len(s)]
	}
	return l
}

// network builds the network. behind adds operators behind layer i and returns the value they compute; nil adds none.
func network(l layers, prefix string, behind func(b *onnxtest.Builder, i int, value string) string) *onnxtest.Builder {
	b := &onnxtest.Builder{}
	value := "x"
	for i := range l.weight {
		name := prefix + string(rune('a'+i))
		b.Tensor(name+".weight", l.weight[i], units, units)
		ins := []string{value, name + ".weight"}
		if l.bias[i] != nil {
			b.Tensor(name+".bias", l.bias[i], units)
			ins = append(ins, name+".bias")
		}
		b.Node("linear"+name, "Gemm", ins...)
		value = "linear" + name
		if behind != nil {
			value = behind(b, i, value)
		}
		out := "relu" + name
		if i == len(l.weight)-1 {
			out = "y"
		}
		b.Node(out, "Relu", value)
		value = out
	}
	return b
}

// deep is the network with three further layers in front, so that most layers are related.
func deep(l layers, seed uint64) *onnxtest.Builder {
	b := network(l, "", nil)
	for i, name := range []string{"p", "q", "r"} {
		w := onnxtest.Random(uint64(50+i), units*units)
		if seed > 0 {
			w = onnxtest.Near(w, seed+uint64(i))
		}
		b.Tensor(name+".weight", w, units, units)
		b.Node(name, "MatMul", "x", name+".weight")
		b.Output(name)
	}
	b.Output("y")
	return b
}

// multiplied adds a Mul by s behind layer 1.
func multiplied(s ...float64) func(*onnxtest.Builder, int, string) string {
	return func(b *onnxtest.Builder, i int, value string) string {
		if i != 1 {
			return value
		}
		b.Tensor("scale", s, len(s))
		b.Node("scaled", "Mul", value, "scale")
		return "scaled"
	}
}

// dividedBy adds a Div by k behind layer 1.
func dividedBy(k float64) func(*onnxtest.Builder, int, string) string {
	return func(b *onnxtest.Builder, i int, value string) string {
		if i != 1 {
			return value
		}
		b.Tensor("divisor", []float64{k})
		b.Node("scaled", "Div", value, "divisor")
		return "scaled"
	}
}

// dividedByRoot adds a Div behind layer 1 by a number that the model computes from the shape, as exporters write the
// square root of an attention's width: with Sqrt, or with Pow and a stored exponent.
func dividedByRoot(op string, exponent ...float64) func(*onnxtest.Builder, int, string) string {
	return func(b *onnxtest.Builder, i int, value string) string {
		if i != 1 {
			return value
		}
		b.Node("shape", "Shape", value)
		b.Node("size", "ReduceMax", "shape")
		operands := []string{"size"}
		if len(exponent) > 0 {
			b.Tensor("exponent", exponent)
			operands = append(operands, "exponent")
		}
		b.Node("divisor", op, operands...)
		b.Node("scaled", "Div", value, "divisor")
		return "scaled"
	}
}

// without is the network without layer i, whose further layers have the names of a network that never had it.
func without(l layers, i int, prefix string) *onnxtest.Builder {
	b := &onnxtest.Builder{}
	value := "x"
	for k := range l.weight {
		if k == i {
			continue
		}
		name := prefix + string(rune('a'+k))
		b.Tensor(name+".weight", l.weight[k], units, units)
		b.Tensor(name+".bias", l.bias[k], units)
		b.Node("linear"+name, "Gemm", value, name+".weight", name+".bias")
		b.Node("relu"+name, "Relu", "linear"+name)
		value = "relu" + name
	}
	b.Node("y", "Relu", value)
	return b
}

// adapter adds a product of two narrow matrices to layer 1, as a LoRA that is not merged.
func adapter(b *onnxtest.Builder, i int, value string) string {
	if i != 1 {
		return value
	}
	b.Tensor("down", onnxtest.Random(70, units*2), units, 2)
	b.Tensor("up", onnxtest.Random(71, 2*units), 2, units)
	b.Node("narrow", "MatMul", "relua", "down")
	b.Node("wide", "MatMul", "narrow", "up")
	b.Node("adapted", "Add", value, "wide")
	return "adapted"
}

// unitScales are scales by channel between .3 and 3.
func unitScales() []float64 {
	s := make([]float64, units)
	for i := range s {
		s[i] = []float64{0.2, 1, 2, 6}[i%4]
	}
	return s
}

// computedScale adds a Mul by the product of two stored vectors behind layer 1.
func computedScale(b *onnxtest.Builder, i int, value string) string {
	if i != 1 {
		return value
	}
	b.Tensor("factor", unitScales(), units)
	b.Tensor("other", unitScales(), units)
	b.Node("product", "Mul", "factor", "other")
	b.Node("scaled", "Mul", value, "product")
	return "scaled"
}

// pairFault is a pair of models that was once merged wrongly, in part without a word, or refused although valid.
type pairFault struct {
	a, b    *onnxtest.Builder
	refused string   // a part of the error; "" if the pair merges
	folded  bool     // it merges with FoldNorms
	merged  int      // tensors that are merged
	kept    []string // Kept.Backbone
	warning string
}

func faults() map[string]pairFault {
	a := pretrainedLayers()
	b := a.finetuned()
	noBias := a
	noBias.bias[1] = nil
	half := unitScales()
	return map[string]pairFault{
		"a scale by channel folded into the fine-tuned weight": {a: network(a, "", multiplied(half...)),
			b:       network(b.scaled(1, half...), "", nil),
			refused: "the pre-trained model has a Mul behind it", folded: true, merged: 6},
		"a scale by channel folded into the pre-trained weight": {a: network(a.scaled(1, half...), "", nil),
			b:       network(b, "", multiplied(half...)),
			refused: "the fine-tuned model has a Mul behind it", folded: true, merged: 6},
		"a number folded into the weight": {a: network(a, "", multiplied(0.3)), b: network(b.scaled(1, 0.3), "", nil),
			refused: "a factor behind it", folded: true, merged: 6},
		"a number that is not folded": {a: network(a, "", multiplied(0.3)), b: network(b, "", nil), merged: 6},
		"a number that one model computes": {a: network(a, "", dividedByRoot("Sqrt")),
			b: network(b.scaled(1, 1.6), "", dividedBy(2)), merged: 6},
		"a number that the other model computes": {a: network(a, "", dividedBy(2)),
			b: network(b.scaled(1, 0.6), "", dividedByRoot("Pow", 0.5)), merged: 6,
			kept: []string{"exponent"}},
		"a scale of unknown origin": {a: network(a, "", nil), b: network(b.scaled(1, half...), "", nil),
			refused: "a scale by channel may be folded into one of them"},
		"a learned number of which the fine-tuned model has the exponential": {a: network(a, "", learnedFactor(false, 1.2)),
			b: network(b, "", learnedFactor(true, 3.5)), merged: 6, kept: []string{"factor"}, warning: "the merge is partial"},
		"a number in a Constant node": {a: network(a, "", dividedBy(2)), b: network(b, "", learnedFactor(true, 2)),
			merged: 6},
		"a bias that an exporter dropped": {a: network(noBias, "", nil), b: network(b, "", nil), merged: 6},
		"operators of another domain": {a: convolutions(""), b: convolutions("com.microsoft.nchwc"),
			refused: "blocked order of one machine"},
		"scales of integers under other names": {a: integers("", 1), b: integers("q/", 2),
			refused: "part of a quantised tensor"},
		"towers whose inputs are listed in another order": {a: towers("left", "right"),
			b: towers("right", "left"), merged: 2},
		"slopes under other names": {a: network(a, "", slopes(0.25)),
			b: network(b, "m.", slopes(0.9)), merged: 7},
		"another rescaling": {a: rescaled(a, 1), b: rescaled(b, 2), merged: 6,
			warning: "1 settings of operators differ"},
		"a token that is added to the input times 0": {a: tokened(a, onnxtest.Random(50, units)),
			b: tokened(b, onnxtest.Near(onnxtest.Random(50, units), 51)), merged: 7},
		"rows of a dense layer behind Flatten in another order": {a: flattened(false, 0), b: flattened(true, 5),
			refused: "as 4 x 9 in the other order", folded: true, merged: 3},
		"a bias that the pre-trained model joins from two": {a: joinedBias(true), b: joinedBias(false), merged: 2},
		"operators that compute something else": {a: strided(1, "Relu"), b: strided(2, "Sigmoid"), merged: 1,
			warning: `Conv of "kernel" has strides 2..., not 1...; Sigmoid follows "kernel", and Relu follows its counterpart`},
		"units in another order": {a: deep(a, 0), b: deep(b.permuted(), 1), merged: 9,
			warning: "2 weights are unlike their counterparts in models that are related: b.weight (cosine"},
		"a scale that the pre-trained model computes": {a: network(a, "", computedScale),
			b: network(b, "", multiplied(half...)), merged: 6, kept: []string{"scale"}, warning: "the merge is partial"},
		"a bias behind a Transpose": {a: biasedConvolution(true), b: biasedConvolution(false), merged: 1,
			kept: []string{"bias"}, warning: "the merge is partial"},
		"a bias behind a Transpose to channels last": {a: biasedConvolution(true, 0, 2, 3, 1), b: biasedConvolution(false),
			merged: 2},
		"a vector behind a Transpose along another axis": {a: biasedConvolution(true, 0, 3, 1, 2), b: biasedConvolution(false),
			merged: 1, kept: []string{"bias"}, warning: "the merge is partial"},
		"a bias that the fine-tuned model has behind a Transpose": {a: biasedConvolution(false),
			b: biasedConvolution(true, 0, 2, 3, 1), merged: 2},
		"shifts of zeros that an exporter dropped": {
			a:      network(a, "", scaledWithoutShift(slices.Repeat([]float64{1}, units), nil)),
			b:      network(b, "", scaledWithoutShift(onnxtest.Near(slices.Repeat([]float64{1}, units), 3), onnxtest.Random(4, units))),
			merged: 12},
		"a weight that the fine-tuned model standardises": {a: standardised(true), b: standardised(false),
			refused: "the fine-tuned model standardises 1 weight whenever it runs"},
		"a weight that the pre-trained model standardises": {a: standardised(false), b: standardised(true),
			refused: "the pre-trained model standardises 1 weight whenever it runs"},
		"a number for each of two heads, under another name": {a: network(a, "", temperature("temperature", .42, .34)),
			b: network(b, "m.", temperature("scale", -.1, -.12)), merged: 7},
		"a scale behind a fused activation": {a: fusedActivation(true), b: fusedActivation(false), merged: 2},
		"a layer that was dropped, names kept": {a: network(a, "", nil), b: without(b, 1, ""),
			refused: "the operators before it differ"},
		"a layer that was dropped, names changed": {a: network(a, "", nil), b: without(b, 1, "m."),
			refused: "its weights are similar to those of another tensor"},
		"an adapter that is not merged":                      {a: network(a, "", nil), b: network(b, "", adapter), merged: 6},
		"a class token that is stored for each sample":       {a: tokens(1, 0), b: tokens(3, 5), merged: 2},
		"a class token that was stored for each sample":      {a: tokens(3, 0), b: tokens(1, 5), merged: 2},
		"gates of a layer that are joined as the model runs": {a: gates(true, 0), b: gates(false, 5), merged: 4},
		"gates of a layer that are stored joined":            {a: gates(false, 0), b: gates(true, 5), merged: 2},
		"layers of one operand that are joined":              {a: heads(false, 0), b: heads(true, 5), merged: 3},
		"layers of one operand that were joined":             {a: heads(true, 0), b: heads(false, 5), merged: 5},
		"another prefix":                                     {a: network(a, "", nil), b: network(b, "module.", nil), merged: 6},
	}
}

// Each fault of which a small model can be made gives what its entry says.
func TestFaults(t *testing.T) {
	t.Parallel()
	for name, f := range faults() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan, err := planPair(t.Context(), f.a.Open(t), f.b.Open(t), Options{})
			if f.refused != "" {
				if err == nil || !strings.Contains(err.Error(), f.refused) {
					t.Fatalf("error %v, want one with %q", err, f.refused)
				}
				if !f.folded {
					return
				}
				plan, err = planPair(t.Context(), f.a.Open(t), f.b.Open(t), Options{FoldNorms: true})
			}
			if err != nil {
				t.Fatal(err)
			}
			if n, _ := plan.Count(Merge); n != f.merged {
				t.Errorf("%d tensors are merged, want %d: %v", n, f.merged, plan.Decisions)
			}
			for _, d := range plan.Decisions {
				if d.From != "" && d.From != d.Tensor && plan.planner.pretrained.Lookup(d.Tensor) != nil {
					t.Errorf("%s is paired with %s although its namesake is there", d.Tensor, d.From)
				}
			}
			if !slices.Equal(plan.Kept.Backbone, f.kept) && len(plan.Kept.Backbone)+len(f.kept) > 0 {
				t.Errorf("kept %q, want %q", plan.Kept.Backbone, f.kept)
			}
			if !strings.Contains(strings.Join(plan.Warnings, "\n"), f.warning) {
				t.Errorf("warnings %q, want %q", plan.Warnings, f.warning)
			}
		})
	}
}

// A folded scale is the mix of both unfolded models, whichever side has it.
func TestFoldedScaleIsTheMixOfUnfoldedModels(t *testing.T) {
	t.Parallel()
	a := pretrainedLayers()
	b := a.finetuned()
	scales := unitScales()
	options := Options{FoldNorms: true}
	unfolded := run(t, network(a, "", multiplied(scales...)), network(b, "", multiplied(scales...)), options)
	folded := run(t, network(a, "", multiplied(scales...)), network(b.scaled(1, scales...), "", nil), options)
	other := run(t, network(a.scaled(1, scales...), "", nil), network(b, "", multiplied(scales...)), options)
	for i, want := range numbers(t, unfolded.Lookup("b.weight")) {
		if got := numbers(t, folded.Lookup("b.weight"))[i]; !near(got, want*scales[i%units]) {
			t.Fatalf("folded into the pre-trained weight: element %d is %g, want %g", i, got, want*scales[i%units])
		}
		if got := numbers(t, other.Lookup("b.weight"))[i]; !near(got, want) {
			t.Fatalf("unfolded from the pre-trained weight: element %d is %g, want %g", i, got, want)
		}
	}
}

// run merges two models at alpha .5.
func run(t *testing.T, a, b *onnxtest.Builder, opt Options) *onnx.Model {
	t.Helper()
	plan, err := planPair(t.Context(), a.Open(t), b.Open(t), opt)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if _, err := Run(t.Context(), &out, plan, nil); err != nil {
		t.Fatal(err)
	}
	return openBytes(t, []byte(out.String()))
}

// Reordered rows give the mix of the weights in one order.
func TestFlattenedRowsAreReordered(t *testing.T) {
	t.Parallel()
	want := run(t, flattened(true, 0), flattened(true, 5), Options{})
	got := run(t, flattened(false, 0), flattened(true, 5), Options{FoldNorms: true})
	for i, x := range numbers(t, want.Lookup("dense")) {
		if y := numbers(t, got.Lookup("dense"))[i]; y != x {
			t.Fatalf("element %d is %g, want %g", i, y, x)
		}
	}
}

// near reports whether two float32 numbers that were computed in two orders are one.
func near(x, y float64) bool { return x-y < 1e-5 && y-x < 1e-5 }

// A merge of models in which an operator takes a value that nothing gives says so, once of each model.
func TestUndefinedValuesAreNamed(t *testing.T) {
	t.Parallel()
	model := func(shift string, seed uint64) *onnx.Model {
		var b onnxtest.Builder
		b.Input("x", -1, 8)
		b.Tensor("w", onnxtest.Near(onnxtest.Random(1, 64), seed), 8, 8)
		b.Tensor("b", onnxtest.Near(onnxtest.Random(2, 8), seed), 8)
		b.Node("h", "MatMul", "x", "w")
		b.Node("y", "Add", "h", shift)
		return b.Open(t)
	}
	whole, broken := model("b", 1), model("ghost", 2)
	for _, c := range []struct {
		models []*onnx.Model
		want   []string // models of which a warning speaks
	}{
		{[]*onnx.Model{whole, whole}, nil},
		{[]*onnx.Model{whole, broken}, []string{"fine-tuned"}},
		{[]*onnx.Model{broken, whole}, []string{"pre-trained"}},
		{[]*onnx.Model{whole, whole, broken}, []string{"fine-tuned"}},
		{[]*onnx.Model{whole, broken, whole}, []string{"second"}},
	} {
		plan, err := NewPlan(t.Context(), c.models, Options{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, w := range plan.Warnings {
			if side, ok := strings.CutSuffix(w, ` model gives ghost, so that no runtime computes it`); ok {
				got = append(got, strings.TrimPrefix(side, "no operator, input or tensor of the "))
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("models %q are named, want %q, among %q", got, c.want, plan.Warnings)
		}
	}
}
