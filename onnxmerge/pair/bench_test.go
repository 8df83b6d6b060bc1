package pair

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"google.golang.org/protobuf/encoding/protowire"
)

// chain returns a model of n blocks of MatMul, Add and Relu with 8 x 8 weights, whose names begin with prefix.
func chain(tb testing.TB, n int, prefix string) *onnx.Model {
	tb.Helper()
	text := func(b []byte, num protowire.Number, s string) []byte {
		return protowire.AppendString(protowire.AppendTag(b, num, protowire.BytesType), s)
	}
	message := func(b []byte, num protowire.Number, m []byte) []byte { return text(b, num, string(m)) }
	number := func(b []byte, num protowire.Number, v uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), v)
	}
	var g []byte
	node := func(op, out string, ins ...string) {
		var b []byte
		for _, in := range ins {
			b = text(b, 1, in)
		}
		g = message(g, 1, text(text(b, 2, out), 4, op))
	}
	weight := func(name string, dims ...uint64) {
		var b []byte
		size := 4
		for _, d := range dims {
			b = number(b, 1, d)
			size *= int(d)
		}
		g = message(g, 5, message(text(number(b, 2, 1), 8, name), 9, make([]byte, size)))
	}
	x := "x"
	for i := range n {
		name := fmt.Sprintf("%s%d", prefix, i)
		weight(name+".weight", 8, 8)
		weight(name+".bias", 8)
		node("MatMul", name+".product", x, name+".weight")
		node("Add", name+".sum", name+".product", name+".bias")
		node("Relu", name, name+".sum")
		x = name
	}
	g = message(message(g, 11, text(nil, 1, "x")), 12, text(nil, 1, x))
	data := message(nil, 7, g)
	m, err := onnx.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// Weights of equal shape in a chain are distinguished by upstream structure.
func TestEqualShapesInARow(t *testing.T) {
	t.Parallel()
	a, b := chain(t, 100, "first"), chain(t, 100, "other")
	al, err := Find(t.Context(), a, b, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(al.Pairs) != 200 || len(al.OnlyA)+len(al.OnlyB)+len(al.Conflicts) != 0 {
		t.Fatalf("%d pairs, %d conflicts", len(al.Pairs), len(al.Conflicts))
	}
	for _, p := range al.Pairs {
		if want := "first" + p.B.ID()[len("other"):]; p.A.ID() != want {
			t.Errorf("%s is paired with %s", p.B.ID(), p.A.ID())
		}
	}
}

// BenchmarkFind pairs two models of 9,999 operators each.
func BenchmarkFind(b *testing.B) {
	x, y := chain(b, 3333, "first"), chain(b, 3333, "other")
	b.ReportAllocs()
	for b.Loop() {
		if al, err := Find(b.Context(), x, y, nil); err != nil || len(al.Pairs) != 6666 {
			b.Fatal(err)
		}
	}
}

// endingContext ends after a number of questions whether it has ended.
type endingContext struct {
	context.Context
	left int
}

func (c *endingContext) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// Find ends with its context, wherever that ends, and asks at least once for every weight.
func TestFindEndsWithItsContext(t *testing.T) {
	t.Parallel()
	a, b := chain(t, 20, "first"), chain(t, 20, "other")
	similar := func(_, _ *onnx.Tensor, _ []int) (float64, bool, error) { return 1, true, nil }
	for n := 0; ; n++ {
		al, err := Find(&endingContext{t.Context(), n}, a, b, similar)
		if err == nil {
			if len(al.Pairs) != 40 || n < 80 {
				t.Errorf("%d pairs after %d questions", len(al.Pairs), n)
			}
			return
		}
		if !errors.Is(err, context.Canceled) || al != nil && n == 0 {
			t.Fatalf("after %d questions: %v", n, err)
		}
	}
}
