package mapping

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// An array that may be joined of several tensors is made from those by which all ways give the same elements, or refused.
func TestSeveralWaysToJoin(t *testing.T) {
	t.Parallel()
	type states = map[string][]float32
	q, k, v := sequence(8, 1), sequence(8, 2), sequence(8, 4)
	base := states{"q": q, "k": k, "v": v, "other": slices.Concat(q, k)}
	changed := states{"q": sequence(8, 13), "k": sequence(8, 14), "v": sequence(8, 16), "other": sequence(16, 15)}
	alike := maps.Clone(changed)
	alike["other"] = slices.Concat(changed["q"], changed["k"])
	export := func(s states) []float32 { return slices.Concat(s["q"], s["k"], s["v"]) }
	twice := states{"q": q, "k": slices.Concat(k, v), "v": v} // v may follow half of k
	for name, test := range map[string]struct {
		base, tuned states
		export      func(s states) []float32
		refused     bool
	}{
		"a longer tensor has the elements of two":               {base, changed, export, true},
		"a longer tensor has them in the other checkpoint, too": {base, alike, export, false},
		"the beginning of a tensor, before another one":         {twice, states{"q": v, "k": sequence(16, 5), "v": k}, func(s states) []float32 { return slices.Concat(s["q"], s["k"][:8], s["v"]) }, true},
		"rows of a tensor have the elements of two": {
			states{"q": q, "k": k, "other": slices.Concat(q, k, v)}, states{"q": k, "k": q, "other": sequence(24, 5)},
			func(s states) []float32 { return slices.Concat(s["q"], s["k"]) }, true},
		"parts of a tensor are joined again, and nothing else is": {states{"q": q, "v": v}, states{"q": k, "v": q}, func(s states) []float32 { return slices.Concat(s["q"], s["v"]) }, false},
	} {
		checkApplied(t, name, modelOf(t, widened(test.export(test.base)), []int{len(test.export(test.base))}), tensors(t, test.base, nil),
			tensors(t, test.tuned, nil), test.export(test.tuned), test.refused)
	}
}

// A tensor of few digits is not taken for a tensor that equals it, nor for a constant, where it equals rows of another one.
func TestRowsOfFewDigits(t *testing.T) {
	t.Parallel()
	type states = map[string][]float32
	hot, three := []float32{1, 0, 0, 0}, []float32{.25, .5, .125}
	table := slices.Concat(sequence(12, 1), hot, sequence(4, 2))
	row, of := func(s states) []float32 { return s["table"][12:16] }, func(name string) func(s states) []float32 {
		return func(s states) []float32 { return s[name] }
	}
	rows := map[string]int64{"table": 5}
	for name, test := range map[string]struct {
		base, tuned states
		export      func(s states) []float32
		refused     bool
	}{
		"a row that equals a tensor":           {states{"table": table, "e": hot}, states{"table": sequence(20, 3), "e": {2, 3, 4, 5}}, row, true},
		"a row that still equals it":           {states{"table": table, "e": hot}, states{"table": slices.Concat(table[:12], three, hot[1:2], three, hot[1:2]), "e": {.25, .5, .125, 0}}, row, false},
		"a tensor that is no row":              {states{"table": sequence(20, 1), "e": hot}, states{"table": sequence(20, 3), "e": {2, 3, 4, 5}}, of("e"), false},
		"three numbers of a tensor":            {states{"w": slices.Concat(three, sequence(4, 1))}, states{"w": sequence(7, 3)}, func(s states) []float32 { return s["w"][:3] }, false},
		"three numbers of a tensor, and these": {states{"w": slices.Concat(three, sequence(4, 1)), "e": three}, states{"w": sequence(7, 3), "e": {1, 2, 3}}, of("e"), true},
	} {
		checkApplied(t, name, modelOf(t, widened(test.export(test.base)), []int{len(test.export(test.base))}), tensors(t, test.base, rows),
			tensors(t, test.tuned, rows), test.export(test.tuned), test.refused)
	}
}

// checkApplied compares the only tensor of a model, after it was given the weights of another checkpoint, or checks that it is refused.
func checkApplied(t *testing.T, name string, m *onnx.Model, base, tuned *checkpoint.Checkpoint, want []float32, refused bool) {
	t.Helper()
	b, out, _ := applyTo(t, m, base, tuned)
	if refused || len(b.Refused) > 0 {
		if len(b.Refused) != 1 || !refused {
			t.Errorf("%s: refused %v, want %v", name, b.Refused, refused)
		}
		return
	}
	got := make([]byte, out.Tensors[0].SizeBytes())
	if err := out.Tensors[0].ReadAt(got, 0); err != nil || !bytes.Equal(got, onnx.Float32Bytes(want)) {
		t.Errorf("%s: %x (%v), want %x", name, got, err, onnx.Float32Bytes(want))
	}
}

// Tensors of equal elements, such as biases before training, do not say what they are made from: a tensor of the model that may have
// them as a part is refused if the other checkpoint has other elements, and is never made from others that were equal.
func TestEqualElements(t *testing.T) {
	t.Parallel()
	type states = map[string][]float32
	equal := func(n int, x float32) []float32 { return slices.Repeat([]float32{x}, n) }
	for name, test := range map[string]struct {
		base, tuned states
		rows        map[string]int64
		export      func(s states) []float32
		dims        []int
		reason      string // "" if it is written
	}{
		"joined, and the first two together have the length of another one": {
			states{"q": equal(6, 0), "k": equal(6, 0), "v": sequence(6, 3), "other": equal(12, 0)},
			states{"q": sequence(6, 5), "k": sequence(6, 6), "v": sequence(6, 7), "other": sequence(12, 8)}, nil,
			func(s states) []float32 { return slices.Concat(s["q"], s["k"], s["v"]) }, []int{18}, `as those of "k"`},
		"joined, and one is no tensor of the checkpoint": {
			states{"q": sequence(6, 2), "v": sequence(6, 3), "other": equal(6, 0)},
			states{"q": sequence(6, 5), "v": sequence(6, 7), "other": sequence(6, 8)}, nil,
			func(s states) []float32 { return slices.Concat(s["q"], equal(6, 0), s["v"]) }, []int{18}, `as those of "other"`},
		"joined, of two numbers": {
			states{"a": equal(5, 0), "b": equal(7, 1)}, states{"a": sequence(5, 5), "b": sequence(7, 6)}, nil,
			func(s states) []float32 { return slices.Concat(s["a"], s["b"]) }, []int{12}, `as those of "a"`},
		"joined, in rows": {
			states{"a": equal(12, 0), "b": sequence(8, 2)}, states{"a": sequence(12, 5), "b": sequence(8, 6)}, map[string]int64{"a": 3, "b": 2},
			func(s states) []float32 { return columns(slices.Concat(s["a"], s["b"]), 5, 4) }, []int{4, 5}, `as those of "a"`},
		"joined, all alike and of other lengths": {
			states{"box": equal(4, 0), "class": equal(21, 0)}, states{"box": sequence(4, 5), "class": equal(21, 0)}, nil,
			func(s states) []float32 { return slices.Concat(s["box"], s["class"]) }, []int{25}, `as those of "box"`},
		"joined, all alike, and the one that changes is no divisor": {
			states{"q": equal(64, 0), "k": equal(16, 0), "v": equal(16, 0)}, states{"q": sequence(64, 1), "k": equal(16, 0), "v": equal(16, 0)}, nil,
			func(s states) []float32 { return slices.Concat(s["q"], s["k"], s["v"]) }, []int{96}, `as those of "q"`},
		"joined, all alike and the same in the other": {
			states{"box": equal(4, 0), "class": equal(21, 0)}, states{"box": equal(4, 0), "class": equal(21, 0)}, nil,
			func(s states) []float32 { return slices.Concat(s["box"], s["class"]) }, []int{25}, ""},
		"joined, and one is no tensor of the checkpoint, which has no equal one": {
			states{"q": sequence(6, 2), "v": sequence(6, 3)}, states{"q": sequence(6, 5), "v": sequence(6, 7)}, nil,
			func(s states) []float32 { return slices.Concat(s["q"], equal(6, 0), s["v"]) }, []int{18}, ""},
		"joined, and one stays": {
			states{"ih": sequence(16, 2), "hh": equal(16, 0)}, states{"ih": sequence(16, 5), "hh": equal(16, 0)}, nil,
			func(s states) []float32 { return slices.Concat(s["ih"], s["hh"]) }, []int{1, 32}, ""},
		"joined, and one changes": {
			states{"ih": sequence(16, 2), "hh": equal(16, 0)}, states{"ih": sequence(16, 5), "hh": sequence(16, 6)}, nil,
			func(s states) []float32 { return slices.Concat(s["ih"], s["hh"]) }, []int{1, 32}, `as those of "hh"`},
		"joined, in another order, of parts of a tensor of which some are equal": {
			states{"ih": slices.Concat(equal(4, 0), sequence(12, 1)), "hh": sequence(16, 9)}, states{"ih": sequence(16, 5), "hh": sequence(16, 6)}, nil,
			func(s states) []float32 {
				return slices.Concat(s["ih"][:4], s["ih"][12:], s["ih"][4:8], s["ih"][8:12], s["hh"])
			}, []int{32}, `as those of "slice(ih, axis 0, 0:4)"`},
		"joined, and the first begins with equal elements": {
			states{"a": slices.Concat(equal(8, 0), sequence(8, 1)), "b": sequence(7, 2)}, states{"a": sequence(16, 5), "b": sequence(7, 6)}, nil,
			func(s states) []float32 { return slices.Concat(s["a"], s["b"]) }, []int{23}, ""},
		"joined, and another tensor begins with one of them": {
			states{"v": sequence(12, 1), "other": slices.Concat(equal(6, 0), sequence(12, 1)[:6])},
			states{"v": sequence(12, 2), "other": sequence(12, 3)}, nil,
			func(s states) []float32 { return slices.Concat(equal(6, 0), s["v"]) }, []int{18}, "nothing decides"},
		"a row of a tensor with others": {
			states{"table": slices.Concat(sequence(4, 1), equal(4, 1), sequence(4, 2))}, states{"table": sequence(12, 3)}, map[string]int64{"table": 3},
			func(s states) []float32 { return s["table"][4:8] }, []int{4}, `as those of "slice(table, axis 0, 1:2)"`},
		"a row of a tensor with others, repeated": {
			states{"table": slices.Concat(sequence(4, 1), equal(4, 1), sequence(4, 2))}, states{"table": sequence(12, 3)}, map[string]int64{"table": 3},
			func(s states) []float32 { return slices.Concat(s["table"][4:8], s["table"][4:8]) }, []int{2, 4}, `as those of "slice(table, axis 0, 1:2)"`},
		"a row of a tensor with others, which stays": {
			states{"table": slices.Concat(sequence(4, 1), equal(4, 1), sequence(4, 2))},
			states{"table": slices.Concat(sequence(4, 3), equal(4, 1), sequence(4, 4))}, map[string]int64{"table": 3},
			func(s states) []float32 { return s["table"][4:8] }, []int{4}, ""},
		"joined, of parts that are not the same parts of their tensors": {
			states{"a": equal(10, 0), "b": equal(14, 1)}, states{"a": sequence(10, 5), "b": sequence(14, 6)}, nil,
			func(s states) []float32 { return slices.Concat(s["a"][:5], s["b"][:7]) }, []int{12}, `as those of "a"`},
		"joined, of parts that stay": {
			states{"a": equal(10, 0), "b": equal(14, 1)}, states{"a": equal(10, 0), "b": equal(14, 1)}, nil,
			func(s states) []float32 { return slices.Concat(s["a"][:5], s["b"][:7]) }, []int{12}, ""},
		"some rows": {
			states{"position": equal(60, 0)}, states{"position": sequence(60, 2)}, map[string]int64{"position": 10},
			func(s states) []float32 { return s["position"][:42] }, []int{7, 6}, `as those of "position"`},
	} {
		b, out, _ := applyTo(t, modelOf(t, widened(test.export(test.base)), test.dims), tensors(t, test.base, test.rows),
			tensors(t, test.tuned, test.rows))
		if test.reason != "" {
			if len(b.Refused) != 1 || !strings.Contains(b.Refused[0].Reason, test.reason) {
				t.Errorf("%s: refused %v, want a reason with %q", name, b.Refused, test.reason)
			}
			continue
		}
		got := make([]byte, out.Tensors[0].SizeBytes())
		err := out.Tensors[0].ReadAt(got, 0)
		if want := onnx.Float32Bytes(test.export(test.tuned)); err != nil || len(b.Refused) > 0 || !bytes.Equal(got, want) {
			t.Errorf("%s: %x (refused %v, %v), want %x", name, got, b.Refused, err, want)
		}
	}
}
