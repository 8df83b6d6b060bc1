package static_test

import (
	"slices"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
	"github.com/wiseft/wiseft/onnxmerge/onnx/static"
)

// vectors finds the vectors of a model in which x is multiplied by s.
func vectors(t *testing.T, build func(b *onnxtest.Builder)) (*onnx.Model, []*static.Vector) {
	t.Helper()
	var b onnxtest.Builder
	b.Tensor("gamma", []float64{2, 6}, 2)
	b.Tensor("variance", []float64{3, 8}, 2)
	b.Tensor("epsilon", []float64{1})
	b.Int64("shape", []int64{1, -1, 1}, 3)
	build(&b)
	b.Node("y", "Mul", "x", "s")
	m := b.Open(t)
	found, err := static.Find(m)
	if err != nil {
		t.Fatal(err)
	}
	return m, found.All()
}

// scale writes gamma / sqrt(variance + epsilon) as the value out.
func scale(b *onnxtest.Builder, out string) {
	b.Node("sum", "Add", "variance", "epsilon")
	b.Node("root", "Sqrt", "sum")
	b.Node(out, "Div", "gamma", "root")
}

func TestAScaleIsEvaluatedAndSolved(t *testing.T) {
	t.Parallel()
	m, list := vectors(t, func(b *onnxtest.Builder) {
		scale(b, "flat")
		b.Node("s", "Reshape", "flat", "shape")
	})
	if len(list) != 1 || list[0].Name != "s" || !slices.Equal(list[0].Dims, []int64{1, 2, 1}) {
		t.Fatalf("%d vectors, want s of shape 1 x 2 x 1", len(list))
	}
	s := list[0]
	got, err := s.Evaluate(nil)
	if err != nil || !slices.Equal(got, []float64{1, 2}) {
		t.Errorf("elements %v (%v), want 1 and 2", got, err)
	}
	gamma := m.Lookup("gamma")
	if depth, ok := s.Depth(gamma); depth != 2 || !ok {
		t.Errorf("gamma: depth %d, linear %v; want 2, true", depth, ok)
	}
	if _, ok := s.Depth(m.Lookup("variance")); ok {
		t.Error("the scale is linear in the variance")
	}
	if got, err = s.Solve(gamma, []float64{5, 7}, nil); err != nil || !slices.Equal(got, []float64{10, 21}) {
		t.Errorf("gamma %v (%v), want 10 and 21", got, err)
	}
}

// A vector is solved through each operand of an operator in which it is linear.
func TestOperatorsAreSolved(t *testing.T) {
	t.Parallel()
	for op, want := range map[string][2][]float64{ // gamma and variance for the elements 12 and 24
		"Add": {{9, 16}, {10, 18}},
		"Sub": {{15, 32}, {-10, -18}},
		"Mul": {{4, 3}, {6, 4}},
		"Div": {{36, 192}, nil},
	} {
		m, list := vectors(t, func(b *onnxtest.Builder) { b.Node("s", op, "gamma", "variance") })
		if len(list) != 1 {
			t.Fatalf("%s: %d vectors", op, len(list))
		}
		for i, name := range []string{"gamma", "variance"} {
			leaf := m.Lookup(name)
			if _, ok := list[0].Depth(leaf); ok != (want[i] != nil) {
				t.Errorf("%s: linear in %s: %v", op, name, ok)
			}
			if want[i] == nil {
				continue
			}
			if got, err := list[0].Solve(leaf, []float64{12, 24}, nil); err != nil || !slices.Equal(got, want[i]) {
				t.Errorf("%s: %s is %v (%v), want %v", op, name, got, err, want[i])
			}
		}
	}
}

func TestShapesAreFollowed(t *testing.T) {
	t.Parallel()
	axes := func(list ...int64) onnxtest.Attr { return onnxtest.Attr{Name: "axes", Value: list} }
	for name, c := range map[string]struct {
		op    string
		ins   []string
		attrs []onnxtest.Attr
		want  []int64 // nil if the result is no vector that is known
	}{
		"a shape":                 {"Reshape", []string{"flat", "shape"}, nil, []int64{1, 2, 1}},
		"another number":          {"Reshape", []string{"flat", "five"}, nil, nil},
		"a shape that is fed":     {"Reshape", []string{"flat", "x"}, nil, nil},
		"axes as an attribute":    {"Unsqueeze", []string{"flat"}, []onnxtest.Attr{axes(0, -1)}, []int64{1, 2, 1}},
		"axes as an operand":      {"Unsqueeze", []string{"flat", "first"}, nil, []int64{1, 2}},
		"axes that are fed":       {"Unsqueeze", []string{"flat", "x"}, nil, nil},
		"an axis twice":           {"Unsqueeze", []string{"flat"}, []onnxtest.Attr{axes(1, 1)}, nil},
		"all axes of length 1":    {"Squeeze", []string{"long"}, nil, []int64{2}},
		"one of them":             {"Squeeze", []string{"long", "first"}, nil, []int64{2, 1}},
		"one that is fed":         {"Squeeze", []string{"long", "x"}, nil, nil},
		"one that is not 1":       {"Squeeze", []string{"long"}, []onnxtest.Attr{axes(1)}, nil},
		"axes in reverse":         {"Transpose", []string{"column"}, nil, []int64{1, 2}},
		"axes in a given order":   {"Transpose", []string{"long"}, []onnxtest.Attr{{Name: "perm", Value: []int64{1, 0, 2}}}, []int64{2, 1, 1}},
		"an order of other axes":  {"Transpose", []string{"long"}, []onnxtest.Attr{{Name: "perm", Value: []int64{1, 0}}}, nil},
		"a number on every place": {"Add", []string{"column", "epsilon"}, nil, []int64{2, 1}},
		"a matrix":                {"Add", []string{"column", "flat"}, nil, nil},
	} {
		_, list := vectors(t, func(b *onnxtest.Builder) {
			b.Int64("five", []int64{5}, 1)
			b.Int64("first", []int64{0}, 1)
			b.Tensor("two", []float64{1, 2}, 2, 1)
			b.Tensor("three", []float64{1, 2}, 1, 2, 1)
			b.Node("flat", "Neg", "gamma")
			b.Node("column", "Neg", "two")
			b.Node("long", "Neg", "three")
			b.Call([]string{"s"}, "", c.op, c.ins, c.attrs...)
		})
		at := slices.IndexFunc(list, func(v *static.Vector) bool { return v.Name == "s" })
		switch {
		case at < 0 && c.want != nil:
			t.Errorf("%s: no vector, want shape %d", name, c.want)
		case at >= 0 && !slices.Equal(list[at].Dims, c.want):
			t.Errorf("%s: shape %d, want %d", name, list[at].Dims, c.want)
		}
	}
}

func TestOtherValuesAreNoVectors(t *testing.T) {
	t.Parallel()
	for name, build := range map[string]func(b *onnxtest.Builder){
		"integers": func(b *onnxtest.Builder) { b.Node("s", "Add", "shape", "shape") },
		"an input": func(b *onnxtest.Builder) { b.Node("s", "Add", "gamma", "x") },
		"a matrix": func(b *onnxtest.Builder) {
			b.Tensor("m", make([]float64, 4), 2, 2)
			b.Node("s", "Add", "m", "gamma")
		},
		"too many elements": func(b *onnxtest.Builder) {
			b.Tensor("m", make([]float64, 1<<16+1), 1<<16+1)
			b.Node("s", "Neg", "m")
		},
		"an unknown operator": func(b *onnxtest.Builder) { b.Node("s", "Exp", "gamma") },
		"only moved":          func(b *onnxtest.Builder) { b.Node("s", "Reshape", "gamma", "shape") },
	} {
		if _, list := vectors(t, build); len(list) > 0 {
			t.Errorf("%s: a vector is found", name)
		}
	}
}
