package mapping

import (
	"bytes"
	"context"
	"io"
	"sync/atomic"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
)

// counted counts the bytes that are read of a file, and has the longest read.
type counted struct {
	io.ReaderAt
	read, longest atomic.Int64
}

func (c *counted) ReadAt(p []byte, off int64) (int, error) {
	c.read.Add(int64(len(p)))
	for n := int64(len(p)); ; {
		if had := c.longest.Load(); n <= had || c.longest.CompareAndSwap(had, n) {
			return c.ReaderAt.ReadAt(p, off)
		}
	}
}

// matrices returns a model with a matrix as it is, another one transposed and a vector, and their checkpoint, which has further
// tensors; the bytes that are read of both are counted.
func matrices(t *testing.T) (*onnx.Model, *checkpoint.Checkpoint, []*counted) {
	t.Helper()
	const height, width = 400, 300
	values, extents := map[string][]float32{}, map[string]int64{"a": height, "b": height, "unused": height}
	for i, name := range []string{"a", "b", "unused"} {
		values[name] = sequence(height*width, float64(i))
	}
	values["bias"] = sequence(height, 7)
	b := &onnxtest.Builder{}
	b.Input("x", 1, width)
	b.Tensor("w0", widened(values["a"]), height, width)
	b.Tensor("w1", widened(columns(values["b"], height, width)), width, height)
	b.Tensor("w2", widened(values["bias"]), height)
	b.Node("y", "Sum", "w0", "w1", "w2")
	b.Output("y")
	var files []*counted
	count := func(r io.ReaderAt) io.ReaderAt {
		files = append(files, &counted{ReaderAt: r})
		return files[len(files)-1]
	}
	model := b.Bytes()
	m, err := onnx.Open(count(bytes.NewReader(model)), int64(len(model)))
	if err != nil {
		t.Fatal(err)
	}
	data := tensorBytes(t, values, extents)
	c, err := checkpoint.Open(count(bytes.NewReader(data)), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return m, c, files
}

// A search whose tensors are those of the checkpoint in any layout reads both files about once, however often shapes occur, and
// nothing of tensors that the model does not have; what it reads at a time follows the limits.
func TestSearchReadsOnce(t *testing.T) {
	t.Parallel()
	for _, limits := range []Limits{{Workers: 2}, {MemoryBytes: 64 << 10, Workers: 2}} {
		m, c, files := matrices(t)
		size := int64(0) // of the tensors
		for _, x := range m.Tensors {
			size += x.SizeBytes()
		}
		for _, f := range files {
			f.read.Store(0)
			f.longest.Store(0)
		}
		found, err := Find(context.Background(), m, c, limits)
		if err != nil {
			t.Fatal(err)
		}
		if len(found.Mapped) != 3 || len(found.Refused) > 0 {
			t.Fatalf("%d tensors mapped, want 3: %v", len(found.Mapped), found.Refused)
		}
		for i, f := range files {
			if got := f.read.Load(); got < size || got > size+size/10 {
				t.Errorf("file %d: %d bytes are read, want the %d of the model's tensors and few more", i, got, size)
			}
			if got := f.longest.Load(); got > limits.memory() {
				t.Errorf("file %d: %d bytes are read at once, with a limit of %d", i, got, limits.memory())
			}
		}
	}
}
