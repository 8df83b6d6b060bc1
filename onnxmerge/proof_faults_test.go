package onnxmerge_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
	"github.com/wiseft/wiseft/probe/ort/orttest"
)

// Merges with the faults that the checks of the pairing find, without these checks: a proof finds each by running. A
// stated pair switches off the checks of scales and of operators' domains, and KeepSilently those of what is kept.
//
// A fault is disproved where every float tensor is merged, or said to be. Where one model stores a vector that the other
// has folded into a weight, the vector has no counterpart: models of which one was trained with such a layer compute the
// same, so that running cannot tell. The proof is then not provable, names the vector, and confirms no weight that the
// vector may be folded into.

const width = 12

// scaledNet is a network of three layers. An affine operator stands behind or before one of them, or is folded into it.
type scaledNet struct {
	seed   uint64 // 0 is the pre-trained model
	layer  int    // of the affine operator
	affine string
	folded bool
}

func (n scaledNet) write(t *testing.T, path string) string {
	t.Helper()
	b := &onnxtest.Builder{}
	b.Input("x", 4, width)
	scale, shift := n.values()
	value := "x"
	for i, layer := range []string{"a", "b", "c"} {
		weight := tuned(onnxtest.Random(uint64(10+i), width*width), n.seed, i)
		bias := tuned(onnxtest.Random(uint64(20+i), width), n.seed, 3+i)
		has, isBefore := i == n.layer && !n.folded, n.affine == "Mul before"
		if i == n.layer && n.folded {
			fold(weight, bias, scale, shift, isBefore)
		}
		if has && isBefore {
			value = n.add(b, value, scale, shift)
		}
		b.Tensor(layer+".weight", weight, width, width)
		b.Tensor(layer+".bias", bias, width)
		b.Node("linear."+layer, "Gemm", value, layer+".weight", layer+".bias")
		value = "linear." + layer
		if has && !isBefore {
			value = n.add(b, value, scale, shift)
		}
		out := "relu." + layer
		if layer == "c" {
			out = "y"
		}
		b.Node(out, "Relu", value)
		value = out
	}
	return save(t, b, path)
}

// values returns the scale and the shift of the affine operator.
func (n scaledNet) values() (scale, shift []float64) {
	shift = make([]float64, width)
	switch n.affine {
	case "number", "Constant":
		return slices.Repeat([]float64{0.3}, width), shift
	case "Mul and Add", "BatchNormalization":
		shift = tuned(onnxtest.Random(31, width), n.seed, 7)
	}
	for i := range width {
		scale = append(scale, []float64{0.2, 1.2, 2, 6}[i%4])
	}
	return tuned(scale, n.seed, 6), shift
}

// fold folds a scale behind a layer, with its shift, or one before it into the layer's weights.
func fold(weight, bias, scale, shift []float64, isBefore bool) {
	for k := range weight {
		if isBefore {
			weight[k] *= scale[k/width]
		} else {
			weight[k] *= scale[k%width]
		}
	}
	for k := range bias {
		if !isBefore {
			bias[k] = bias[k]*scale[k] + shift[k]
		}
	}
}

// add adds the affine operator behind a value, and returns its result.
func (n scaledNet) add(b *onnxtest.Builder, value string, scale, shift []float64) string {
	switch n.affine {
	case "BatchNormalization":
		b.Tensor("scale", scale, width)
		b.Tensor("shift", shift, width)
		b.Tensor("mean", make([]float64, width), width)
		b.Tensor("var", slices.Repeat([]float64{1}, width), width)
		b.Call([]string{"scaled"}, "", "BatchNormalization", []string{value, "scale", "shift", "mean", "var"},
			onnxtest.Attr{Name: "epsilon", Value: 0.})
		return "scaled"
	case "Constant":
		b.Call([]string{"scale"}, "", "Constant", nil, onnxtest.Attr{Name: "value_float", Value: scale[0]})
	case "number":
		b.Tensor("scale", scale[:1], 1)
	default:
		b.Tensor("scale", scale, width)
	}
	b.Node("scaled", "Mul", value, "scale")
	if n.affine != "Mul and Add" {
		return "scaled"
	}
	b.Tensor("shift", shift, width)
	b.Node("shifted", "Add", "scaled", "shift")
	return "shifted"
}

// tuned returns values as fine-tuning leaves them; seed 0 is before it.
func tuned(values []float64, seed uint64, i int) []float64 {
	if seed == 0 {
		return values
	}
	return onnxtest.Near(values, seed+uint64(i))
}

func save(t *testing.T, b *onnxtest.Builder, path string) string {
	t.Helper()
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// prove returns the proof of a merge with stated pairs.
func prove(t *testing.T, models []string, pairs ...onnxmerge.GivenPair) (wiseft.Proof, *wiseft.MergePlan) {
	t.Helper()
	return proveWith(t, models, wiseft.MergeOptions{Pairs: pairs})
}

func proveWith(t *testing.T, models []string, opt wiseft.MergeOptions) (wiseft.Proof, *wiseft.MergePlan) {
	t.Helper()
	plan, err := wiseft.PlanMerge(t.Context(), models, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { plan.Close() })
	if err := plan.Err(); err != nil {
		t.Fatal(err)
	}
	proofs, err := plan.Prove(t.Context(), wiseft.ProveOptions{Runtime: wiseft.RuntimeOptions{Threads: 1}})
	if err != nil {
		t.Fatal(err)
	}
	return proofs[0], plan
}

// A scale that is folded into the weights of one model is found, whatever it is, at every layer, on either side.
func TestProofFindsFoldedScales(t *testing.T) {
	orttest.Load(t)
	for _, affine := range []string{"Mul", "Mul and Add", "BatchNormalization", "number", "Constant", "Mul before"} {
		for layer, name := range []string{"a", "b", "c"} {
			for _, inA := range []bool{true, false} {
				dir := t.TempDir()
				models := []string{
					scaledNet{0, layer, affine, !inA}.write(t, filepath.Join(dir, "a.onnx")),
					scaledNet{50, layer, affine, inA}.write(t, filepath.Join(dir, "b.onnx"))}
				var pairs []onnxmerge.GivenPair
				for _, id := range []string{"a.weight", "a.bias", "b.weight", "b.bias", "c.weight", "c.bias"} {
					pairs = append(pairs, onnxmerge.GivenPair{A: id, B: id})
				}
				p, _ := prove(t, models, pairs...)
				// A single number of the pre-trained model, or in the graph, is no weight without a counterpart; neither is a
				// scale of the input, which is a setting.
				isNumber := affine == "Constant" || affine == "number" && inA
				isSetting := affine == "Mul before" && layer == 0 && inA
				want, named := onnxmerge.NotProvable, `"scale"`
				if isNumber || isSetting {
					want, named = onnxmerge.Disproved, name+".weight"
				}
				if p.Verdict != want || !strings.Contains(p.Reason, named) || !slices.Contains(p.Unproven, name+".weight") {
					t.Errorf("%s at layer %s, in the pre-trained model %v: %s; want %s with %s", affine, name, inA, p, want, named)
				}
			}
		}
	}
}

// transposedNet is a layer whose square weight is stored transposed for an operator of another domain.
func transposedNet(t *testing.T, path string, seed uint64, isFused bool) string {
	b := &onnxtest.Builder{}
	b.Input("x", 4, width)
	weight := tuned(onnxtest.Random(1, width*width), seed, 0)
	if isFused {
		stored := slices.Clone(weight)
		for i, v := range stored {
			weight[i%width*width+i/width] = v
		}
		b.Call([]string{"hidden"}, "com.microsoft", "FusedMatMul", []string{"x", "w"},
			onnxtest.Attr{Name: "transB", Value: int64(1)})
	} else {
		b.Node("hidden", "MatMul", "x", "w")
	}
	b.Tensor("w", weight, width, width)
	b.Node("y", "Relu", "hidden")
	return save(t, b, path)
}

// A weight that an operator of another domain takes in another order is disproved if it is paired as it is stored, and
// proved as the search pairs it.
func TestProofFindsWeightsOfOtherDomains(t *testing.T) {
	orttest.Load(t)
	dir := t.TempDir()
	models := []string{transposedNet(t, filepath.Join(dir, "a.onnx"), 0, false),
		transposedNet(t, filepath.Join(dir, "b.onnx"), 5, true)}
	if p, _ := prove(t, models); p.Verdict != onnxmerge.Proved {
		t.Errorf("as found: %s", p)
	}
	if p, _ := prove(t, models, onnxmerge.GivenPair{A: "w", B: "w"}); p.Verdict != onnxmerge.Disproved ||
		!strings.HasSuffix(p.Reason, "permuted: w") {
		t.Errorf("as stored: %s", p)
	}
}

// gatedNet has the kinds of tensors that merges once kept without a word: a PRelu's slope, a gate, a normalisation's
// statistics, and the vectors of the normalisation before the head, which is the model's end without a head.
func gatedNet(t *testing.T, path, prefix string, seed uint64, classes int, last string) string {
	b := &onnxtest.Builder{}
	b.Input("x", 4, width)
	k := 0
	tensor := func(name string, values []float64, dims ...int) string {
		k++
		b.Tensor(prefix+name, tuned(values, seed, k), dims...)
		return prefix + name
	}
	layer := func(out, in string, n int) string {
		w := tensor(out+".weight", onnxtest.Random(uint64(60+k), width*n), width, n)
		b.Node(out, "Gemm", in, w, tensor(out+".bias", onnxtest.Random(uint64(60+k), n), n))
		return out
	}
	ones := func(by float64) []float64 { return slices.Repeat([]float64{by}, width) }
	b.Node("sloped", "PRelu", layer("first", "x", width), tensor("slope", []float64{.25}, 1))
	b.Node("gated", "Mul", layer("second", "sloped", width), tensor("gate", []float64{.5}, 1))
	b.Node("active", "Tanh", "gated")
	in := []string{layer("third", "active", width), tensor("norm.weight", ones(1), width), tensor("norm.bias", ones(0), width)}
	if last == "BatchNormalization" {
		in = append(in, tensor("norm.mean", ones(0), width), tensor("norm.var", ones(4), width))
	}
	out := "y"
	if classes > 0 {
		out = "normed"
	}
	b.Node(out, last, in...)
	if classes > 0 {
		w := onnxtest.Random(seed+90, width*classes)
		b.Tensor(prefix+"head", w, width, classes)
		b.Node("y", "MatMul", "normed", prefix+"head")
	}
	return save(t, b, path)
}

// A tensor that is kept without a word is disproved and named, whatever its size and place; without the fault the merge is
// proved.
func TestProofFindsWhatIsKeptSilently(t *testing.T) {
	orttest.Load(t)
	for _, last := range []string{"LayerNormalization", "BatchNormalization"} {
		for _, classes := range []int{0, 7} {
			dir := t.TempDir()
			headA := 0
			if classes > 0 {
				headA = 5
			}
			models := []string{gatedNet(t, filepath.Join(dir, "a.onnx"), "", 0, headA, last),
				gatedNet(t, filepath.Join(dir, "b.onnx"), "m.", 100, classes, last)}
			names := []string{"", "slope", "gate", "norm.weight", "norm.bias", "first.bias", "third.weight"}
			if last == "BatchNormalization" {
				names = append(names, "norm.mean", "norm.var")
			}
			for _, name := range names {
				t.Run(last+" "+name, func(t *testing.T) {
					if name == "" {
						if p, plan := prove(t, models); p.Verdict != onnxmerge.Proved || len(plan.Kept.Backbone)+len(plan.Kept.New) > 0 {
							t.Errorf("%s; kept %v", p, plan.Kept)
						}
						return
					}
					onnxmerge.KeepSilently(t, "m."+name)
					if p, _ := prove(t, models); p.Verdict != onnxmerge.Disproved || !strings.Contains(p.Reason, "m."+name) {
						t.Errorf("%s", p)
					}
				})
			}
		}
	}
}

// A weight that is kept as one of the head and named as the backbone's makes the merge partial, and no proof says that it
// is whole.
func TestProofNamesWhatIsKeptBeforeTheHead(t *testing.T) {
	orttest.Load(t)
	dir := t.TempDir()
	models := []string{scaledNet{0, 2, "Mul before", false}.write(t, filepath.Join(dir, "a.onnx")),
		scaledNet{50, 2, "Mul before", true}.write(t, filepath.Join(dir, "b.onnx"))}
	p, plan := prove(t, models)
	if !slices.Equal(plan.Kept.Backbone, []string{"c.weight", "c.bias"}) {
		t.Fatalf("kept %v", plan.Kept)
	}
	if p.Verdict != onnxmerge.NotProvable || !strings.Contains(p.Reason, `partial: "c.weight" is kept`) ||
		!strings.HasSuffix(p.Reason, "either: c.bias") {
		t.Errorf("%s", p)
	}
}

// shiftedNet is a layer with a bias, and a second one. Behind the bias the result is raised steeply, or added to a branch
// of weights that are 0 before training.
func shiftedNet(t *testing.T, path string, seed uint64, shift float64, isSteep bool) string {
	b := &onnxtest.Builder{}
	b.Input("x", 4, width)
	bias, branch := onnxtest.Random(2, width), make([]float64, width*width)
	for i := range bias {
		bias[i] += shift
	}
	b.Tensor("first", tuned(onnxtest.Random(1, width*width), seed, 1), width, width)
	b.Tensor("bias", bias, width)
	b.Tensor("second", tuned(onnxtest.Random(3, width*width), seed, 2), width, width)
	b.Node("shifted", "Gemm", "x", "first", "bias")
	if isSteep {
		b.Call([]string{"slope"}, "", "Constant", nil, onnxtest.Attr{Name: "value_float", Value: 20.})
		b.Node("steep", "Mul", "shifted", "slope")
		b.Node("sum", "Tanh", "steep")
	} else {
		b.Tensor("branch", tuned(branch, seed, 3), width, width)
		b.Tensor("branch.bias", tuned(onnxtest.Random(4, width), seed, 4), width)
		b.Node("aside", "Gemm", "shifted", "branch", "branch.bias")
		b.Node("sum", "Add", "shifted", "aside")
	}
	b.Node("y", "MatMul", "sum", "second")
	return save(t, b, path)
}

// A weight that is kept explains a difference although a value behind it is equal: within the tolerance, or because weights
// of 0 hide it.
func TestAKeptWeightExplainsADifference(t *testing.T) {
	orttest.Load(t)
	for _, isSteep := range []bool{false, true} {
		dir, shift := t.TempDir(), 1.
		if isSteep {
			shift = 5e-4 // of the deviation of the values, which are compared up to 1e-3
		}
		models := []string{shiftedNet(t, filepath.Join(dir, "a.onnx"), 0, 0, isSteep),
			shiftedNet(t, filepath.Join(dir, "b.onnx"), 20, shift, isSteep)}
		p, _ := proveWith(t, models, wiseft.MergeOptions{Exclude: []string{"bias"}})
		if p.Verdict != onnxmerge.NotProvable || !strings.Contains(p.Reason, `"bias" is kept`) {
			t.Errorf("steep %v: %s", isSteep, p)
		}
	}
}

// branchedNet is two convolutions, one behind the other's result times a gate. The bias of the first one has no counterpart: it
// is added along another axis in the pre-trained model.
func branchedNet(t *testing.T, path string, seed uint64, gate float64) string {
	b := &onnxtest.Builder{}
	b.Input("x", 2, 4, 10, 10)
	perm := onnxtest.Attr{Name: "perm", Value: []int64{0, 3, 1, 2}}
	b.Tensor("kernel", tuned(onnxtest.Random(1, 8*4*9), seed, 1), 8, 4, 3, 3)
	b.Tensor("other", tuned(onnxtest.Random(2, 8*4*9), seed, 2), 8, 4, 3, 3)
	b.Tensor("gate", []float64{gate}, 1)
	branch := []string{"x", "kernel"}
	if seed > 0 {
		b.Tensor("bias", onnxtest.Random(3, 8), 8)
		branch = append(branch, "bias")
	}
	b.Node("maps", "Conv", branch...)
	b.Call([]string{"moved"}, "", "Transpose", []string{"maps"}, perm)
	value := "moved"
	if seed == 0 {
		b.Tensor("added", onnxtest.Random(4, 8), 8)
		b.Node("shifted", "Add", "moved", "added")
		value = "shifted"
	}
	b.Node("gated", "Mul", value, "gate")
	b.Node("aside", "Conv", "x", "other")
	b.Call([]string{"skip"}, "", "Transpose", []string{"aside"}, perm)
	b.Node("y", "Add", "gated", "skip")
	return save(t, b, path)
}

// A weight that is kept behind a gate of 0, as branches begin with, changes nothing, and the merge is not proved.
func TestAKeptWeightBehindAGateIsNotProved(t *testing.T) {
	orttest.Load(t)
	dir := t.TempDir()
	models := []string{branchedNet(t, filepath.Join(dir, "a.onnx"), 0, 0), branchedNet(t, filepath.Join(dir, "b.onnx"), 9, .3)}
	p, plan := prove(t, models)
	if !slices.Equal(plan.Kept.Backbone, []string{"bias"}) {
		t.Fatalf("kept %v", plan.Kept)
	}
	if p.Verdict != onnxmerge.NotProvable || !strings.Contains(p.Reason, `partial: "bias" is kept`) || len(p.Unproven) > 0 {
		t.Errorf("%s", p)
	}
}
