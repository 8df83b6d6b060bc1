package flow_test

import (
	"bytes"
	"fmt"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
)

func message(b []byte, num protowire.Number, m []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), m)
}

// call encodes a node of the domain "local".
func call(op string, inputs []string, output string) []byte {
	var n []byte
	for _, in := range inputs {
		n = message(n, 1, []byte(in))
	}
	n = message(message(n, 2, []byte(output)), 4, []byte(op))
	return message(n, 7, []byte("local"))
}

// nested is a model whose function level0 calls level1 ten times, and so on; the last level has one MatMul of its two
// inputs. The main graph calls level0 once, with x and the weight w.
func nested(t *testing.T, levels int) *onnx.Model {
	t.Helper()
	operands := []string{"x", "w"}
	w := message(nil, 8, []byte("w"))
	w = protowire.AppendVarint(protowire.AppendTag(w, 1, protowire.VarintType), 1)
	w = protowire.AppendVarint(protowire.AppendTag(w, 2, protowire.VarintType), 1)
	g := message(nil, 1, call("level0", operands, "y"))
	g = message(g, 5, message(w, 9, make([]byte, 4)))
	g = message(message(g, 11, message(nil, 1, []byte("x"))), 12, message(nil, 1, []byte("y")))
	data := message(nil, 7, g)
	for level := range levels {
		f := message(nil, 1, fmt.Append(nil, "level", level))
		f = message(message(message(f, 4, []byte("x")), 4, []byte("w")), 5, []byte("y9"))
		if level == levels-1 {
			f = message(f, 7, call("MatMul", operands, "y9"))
		} else {
			for i := range 10 {
				f = message(f, 7, call(fmt.Sprint("level", level+1), operands, fmt.Sprint("y", i)))
			}
		}
		data = message(data, 25, message(f, 10, []byte("local")))
	}
	m, err := onnx.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The arguments of a call are operands of the operators inside the function.
func TestWalkInlinesFunctions(t *testing.T) {
	t.Parallel()
	var found []string
	for o := range flow.Operands(nested(t, 3)) {
		found = append(found, fmt.Sprintf("%s[%d]=%s", o.Node.OpType, o.Slot, o.Tensor.Name))
	}
	if len(found) != 100 || found[0] != "MatMul[1]=w" || found[99] != found[0] {
		t.Errorf("%d operands, the first is %v; want 100 times MatMul[1]=w", len(found), found[:1])
	}
}

// A file of 2 KB whose calls would inline to 10^15 operators is walked to the limit.
func TestWalkBoundsInlining(t *testing.T) {
	t.Parallel()
	n := 0
	for range flow.Operands(nested(t, 16)) {
		n++
	}
	if n == 0 || n > 1<<19 {
		t.Errorf("%d operands were yielded", n)
	}
}
