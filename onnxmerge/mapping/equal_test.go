package mapping

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
)

// What a search reads, and the expressions that it makes, grow with the number of tensors also where many have one length and are
// equal: it compares each with one other, and with none that it cannot equal.
func TestManyEqualTensors(t *testing.T) {
	t.Parallel()
	const count, zeros, alike, width = 300, 150, 100, 6
	values := map[string][]float32{}
	b := &onnxtest.Builder{}
	b.Input("x", 1, width)
	last := "x"
	for i := range count {
		v := make([]float32, width)
		if i >= zeros {
			v = sequence(width, float64(max(i-alike, zeros)))
		}
		name, next := fmt.Sprintf("layers.%d.w", i), fmt.Sprint("y", i)
		values[name] = v
		b.Tensor(name, widened(v), width)
		b.Node(next, "Add", last, name)
		last = next
	}
	b.Output(last)
	base, changed := tensorBytes(t, values, nil), map[string][]float32{}
	for name := range values {
		changed[name] = sequence(width, float64(len(name)))
	}
	file := &counted{ReaderAt: bytes.NewReader(base)}
	c, err := checkpoint.Open(file, int64(len(base)))
	if err != nil {
		t.Fatal(err)
	}
	m := b.Bytes()
	model := &counted{ReaderAt: bytes.NewReader(m)}
	opened, err := onnx.Open(model, int64(len(m)))
	if err != nil {
		t.Fatal(err)
	}
	file.read.Store(0)
	model.read.Store(0)
	found, err := Find(context.Background(), opened, c, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	const most = 8 * count * width * 4
	if a, b := file.read.Load(), model.read.Load(); a > most || b > most {
		t.Errorf("%d bytes of the checkpoint and %d of the model are read, want %d at most: 8 times the tensors", a, b, most)
	}
	lists := map[**Expression]bool{}
	for _, e := range found.Mapped {
		if len(e.twins) > 0 {
			lists[&e.twins[0]] = true
		}
	}
	if len(lists) != 1 {
		t.Errorf("%d lists of equal tensors, want one", len(lists))
	}
	bound, err := found.Bind(context.Background(), c, tensors(t, changed, nil))
	if err != nil {
		t.Fatal(err)
	}
	if len(bound.Refused) > 0 || len(bound.Mapped) != count {
		t.Errorf("%d tensors are refused, %d mapped", len(bound.Refused), len(bound.Mapped))
	}
	for _, e := range bound.Mapped {
		if e.Expression.String() != e.Tensor.Name {
			t.Errorf("%s is made from %s", e.Tensor.Name, e.Expression)
		}
	}
}
