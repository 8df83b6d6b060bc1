package pair

import (
	"strings"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// scales returns n numbers near 1, as scales of normalisations are: those of two seeds have no correlation.
func scales(seed uint64, n int) []float32 {
	out := random(seed, n)
	for i := range out {
		out[i] = 1 + out[i]/10
	}
	return out
}

// foundPairs returns the pairs of two models as "b=a" in the order of b.
func foundPairs(t *testing.T, a, b *onnx.Model) string {
	t.Helper()
	al, err := Find(t.Context(), a, b, corpusCosines{}.similarity)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, p := range al.Pairs {
		list = append(list, p.B.ID()+"="+p.A.ID())
	}
	return strings.Join(list, " ")
}

// Vectors between anchors, biases of anchors among them, pair whatever their values. The models begin with other
// operators, so that no structure from the inputs on is the same.
func TestVectorsBetweenAnchors(t *testing.T) {
	t.Parallel()
	one, two := random(1, 64), random(2, 64)
	network := func(of string, first, second []float32, norms ...string) *onnx.Model {
		var m modelText
		x := "x"
		if of == "b" {
			m.tensor("begin", random(3, 64), 8, 8, 1, 1)
			m.node("begun", "Conv", "x", "begin")
			x = "begun"
		}
		seed := 100 * uint64(of[0])
		m.tensor(of+"one", first, 8, 8)
		m.tensor(of+"bias", scales(seed, 8), 8)
		m.node("product", "MatMul", x, of+"one")
		m.node("sum", "Add", "product", of+"bias")
		last := "sum"
		for i, norm := range norms {
			m.tensor(of+norm, scales(seed+uint64(i)+1, 8), 8)
			m.node("normalised"+norm, "RMSNormalization", last, of+norm)
			last = "normalised" + norm
		}
		m.tensor(of+"two", second, 8, 8, 1, 1)
		operands := []string{last, of + "two"}
		if of == "b" { // which its counterpart lacks
			m.tensor("bias", random(seed, 8), 8)
			operands = append(operands, "bias")
		}
		m.node("y", "Conv", operands...)
		return m.open(t)
	}
	a := network("a", one, two, "norm")
	got := foundPairs(t, a, network("b", near(one, 4), near(two, 5), "norm"))
	if want := "bone=aone bbias=abias bnorm=anorm btwo=atwo"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	// Either of two normalisations may be the counterpart.
	got = foundPairs(t, a, network("b", near(one, 4), near(two, 5), "first", "second"))
	if strings.Contains(got, "anorm") {
		t.Errorf("one of two normalisations is paired: %q", got)
	}
}

// A bias that one model's layer lacks does not hide which of two normalisations precedes the layer.
func TestBiasesDoNotHidePlaces(t *testing.T) {
	t.Parallel()
	block := func(of string, noise uint64, folded bool) *onnx.Model {
		var m modelText
		norm := func(to, from, name string) {
			operands := []string{from}
			for i, kind := range []string{"scale", "shift", "mean", "variance"} {
				operands = append(operands, name+kind)
				m.tensor(name+kind, scales(noise+uint64(10*i)+uint64(name[1]), 8), 8)
			}
			m.node(to, "BatchNormalization", operands...)
		}
		layer := func(to, from, name string, seed uint64) {
			m.tensor(of+name, near(random(seed, 64), noise+seed), 8, 8, 1, 1)
			operands := []string{from, of + name}
			if folded {
				m.tensor(of+name+"bias", random(noise, 8), 8)
				operands = append(operands, of+name+"bias")
			}
			m.node(to, "Conv", operands...)
		}
		layer("first", "x", "stem", 1)
		if folded {
			m.node("stem", "Relu", "first")
		} else {
			norm("normalised", "first", of+"fold")
			m.node("stem", "Relu", "normalised")
		}
		norm("inner", "stem", of+"norm")
		layer("second", "inner", "layer", 2)
		m.node("y", "Concat", "stem", "second")
		return m.open(t)
	}
	got := foundPairs(t, block("a", 1000, true), block("b", 2000, false))
	for _, kind := range []string{"scale", "shift", "mean", "variance"} {
		if want := "bnorm" + kind + "=anorm" + kind; !strings.Contains(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if strings.Contains(got, "bfold") {
		t.Errorf("the normalisation that is folded into the stem is paired: %q", got)
	}
}

// A tensor that an optimiser stores once for two equal ones pairs with both of the other model, of which one has its
// name.
func TestTensorsStoredOnce(t *testing.T) {
	t.Parallel()
	heads := func(noise uint64, means ...string) *onnx.Model {
		var m modelText
		for i, name := range []string{"head", "distilled"} {
			m.tensor(name+".weight", near(random(uint64(i), 64), noise), 8, 8)
			if i < len(means) {
				m.tensor(means[i], scales(noise+uint64(i), 8), 8)
			}
			m.node(name+".scaled", "Mul", "x", means[min(i, len(means)-1)])
			m.node(name+".result", "MatMul", name+".scaled", name+".weight")
		}
		m.node("y", "Add", "head.result", "distilled.result")
		return m.open(t)
	}
	got := foundPairs(t, heads(20, "head.scale"), heads(40, "head.scale", "distilled.scale"))
	if want := "head.weight=head.weight head.scale=head.scale distilled.weight=distilled.weight distilled.scale=head.scale"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// The shift of a normalisation is no head's because its scale, another vector, has changed entirely.
func TestShiftsBesideDissimilarScales(t *testing.T) {
	t.Parallel()
	network := func(of string, first, second []float32) *onnx.Model {
		var m modelText
		scale := scales(5, 8)
		if of == "b" {
			for i, v := range scale {
				scale[i] = 2 - v // a correlation of -1
			}
		}
		m.tensor(of+"first", first, 8, 8)
		m.tensor(of+"scale", scale, 8)
		m.tensor(of+"shift", scales(100*uint64(of[0]), 8), 8)
		m.tensor(of+"second", second, 8, 8)
		m.node("product", "MatMul", "x", of+"first")
		m.node("normalised", "LpNormalization", "product")
		m.node("scaled", "Mul", "normalised", of+"scale")
		m.node("shifted", "Add", "scaled", of+"shift")
		m.node("y", "MatMul", "shifted", of+"second")
		return m.open(t)
	}
	one, two := random(1, 64), random(2, 64)
	got := foundPairs(t, network("a", one, two), network("b", near(one, 3), near(two, 4)))
	if want := "bfirst=afirst bscale=ascale bshift=ashift bsecond=asecond"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// Operators that choose positions, such as those of a rolled window, do not hide the scale before them.
func TestScalesBeforeRolledWindows(t *testing.T) {
	t.Parallel()
	network := func(of string, weight []float32, isRolled, isScaled bool) *onnx.Model {
		var m modelText
		m.tensor(of+"weight", weight, 8, 8)
		last := "normalised"
		m.node("normalised", "LpNormalization", "x")
		if isScaled {
			m.tensor(of+"scale", scales(5, 8), 8)
			m.node("scaled", "Mul", "normalised", of+"scale")
			last = "scaled"
		}
		if isRolled {
			m.node("padded", "Pad", last)
			m.node("left", "Slice", "padded")
			m.node("right", "Slice", "padded")
			m.node("rolled", "Concat", "right", "left")
			last = "rolled"
		}
		m.node("y", "MatMul", last, of+"weight")
		return m.open(t)
	}
	weight := random(1, 64)
	got := foundPairs(t, network("a", weight, true, true), network("b", near(weight, 2), false, true))
	if want := "bweight=aweight bscale=ascale"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := foundPairs(t, network("a", weight, true, true), network("b", near(weight, 2), false, false)); got != "" {
		t.Errorf("a weight with a scale folded into it is paired: %q", got)
	}
}
