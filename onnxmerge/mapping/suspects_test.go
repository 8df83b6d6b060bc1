package mapping

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

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
			func(s states) []float32 { return slices.Concat(s["q"], s["k"], s["v"]) }, []int{18}, "one of which has equal elements"},
		"joined, and one is no tensor of the checkpoint": {
			states{"q": sequence(6, 2), "v": sequence(6, 3), "other": equal(6, 0)},
			states{"q": sequence(6, 5), "v": sequence(6, 7), "other": sequence(6, 8)}, nil,
			func(s states) []float32 { return slices.Concat(s["q"], equal(6, 0), s["v"]) }, []int{18}, "one of which has equal elements"},
		"joined, of two numbers": {
			states{"a": equal(5, 0), "b": equal(7, 1)}, states{"a": sequence(5, 5), "b": sequence(7, 6)}, nil,
			func(s states) []float32 { return slices.Concat(s["a"], s["b"]) }, []int{12}, "one of which has equal elements"},
		"joined, in rows": {
			states{"a": equal(12, 0), "b": sequence(8, 2)}, states{"a": sequence(12, 5), "b": sequence(8, 6)}, map[string]int64{"a": 3, "b": 2},
			func(s states) []float32 { return columns(slices.Concat(s["a"], s["b"]), 5, 4) }, []int{4, 5}, "one of which has equal elements"},
		"joined, all alike and of other lengths": {
			states{"box": equal(4, 0), "class": equal(21, 0)}, states{"box": sequence(4, 5), "class": equal(21, 0)}, nil,
			func(s states) []float32 { return slices.Concat(s["box"], s["class"]) }, []int{25}, `as those of "box"`},
		"joined, all alike, and the one that changes is no divisor": {
			states{"q": equal(64, 0), "k": equal(16, 0), "v": equal(16, 0)}, states{"q": sequence(64, 1), "k": equal(16, 0), "v": equal(16, 0)}, nil,
			func(s states) []float32 { return slices.Concat(s["q"], s["k"], s["v"]) }, []int{96}, `as those of "q"`},
		"joined, all alike and the same in the other": {
			states{"box": equal(4, 0), "class": equal(21, 0)}, states{"box": equal(4, 0), "class": equal(21, 0)}, nil,
			func(s states) []float32 { return slices.Concat(s["box"], s["class"]) }, []int{25}, ""},
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
