package checkpoint

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
)

// folder is an output whose files are in memory.
type folder struct {
	names []string
	files map[string]*bytes.Buffer
}

func (f *folder) Create(name string) (io.Writer, error) {
	f.names = append(f.names, name)
	f.files[name] = &bytes.Buffer{}
	return f.files[name], nil
}

// TestContainer writes the payloads of a model as safetensors files, and reads them as such and as data of the model.
func TestContainer(t *testing.T) {
	t.Parallel()
	var b onnxtest.Builder
	b.Input("x", -1, 4)
	b.Tensor("bias", []float64{1, 2, 3, 4}, 4)
	b.Tensor("eps", []float64{1e-5})
	b.Tensor("scales", []float64{1, 1, 2, 2}, 4)
	b.Tensor("weight", []float64{1, 2, 3, 4, 5, 6, 7, 8}, 4, 2)
	b.Node("a", "Add", "x", "bias")
	b.Node("c", "Mul", "a", "eps")
	b.Node("d", "Resize", "c", "", "scales")
	b.Node("y", "MatMul", "d", "weight")
	b.Output("y")
	m, err := onnx.Open(bytes.NewReader(b.Bytes()), int64(len(b.Bytes())))
	if err != nil {
		t.Fatal(err)
	}
	for limit, want := range map[int64][]string{0: {"m.safetensors", ""}, 20: {"m.safetensors", "m.safetensors.2", ""}} {
		out := folder{files: map[string]*bytes.Buffer{}}
		opt := onnx.WriteOptions{Layout: onnx.Packed, DataName: "m.safetensors", Container: Container(), ShardBytes: limit, Workers: 2}
		if _, err := m.Write(t.Context(), &out, nil, opt); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(out.names, want) {
			t.Fatalf("limit %d: files %q, want %q", limit, out.names, want)
		}
		dir := t.TempDir()
		held := map[string]bool{}
		for name, data := range out.files {
			if name == "" {
				continue // the model's own
			}
			if err := os.WriteFile(filepath.Join(dir, name), data.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := Open(bytes.NewReader(data.Bytes()), int64(data.Len()))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for _, x := range c.Tensors {
				held[x.Name] = true
				compare(t, x.Name, x, m.Lookup(x.Name))
			}
		}
		if !held["bias"] || !held["weight"] || len(held) != 2 {
			t.Errorf("limit %d: the files have %v, want the weights alone", limit, held)
		}
		reopen(t, dir, out.files[""].Bytes(), m)
	}
}

// reopen compares a written model with the one that it was made from.
func reopen(t *testing.T, dir string, model []byte, want *onnx.Model) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	again, err := onnx.OpenWithData(bytes.NewReader(model), int64(len(model)), root)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	for _, x := range want.Tensors {
		compare(t, x.ID(), again.Lookup(x.ID()), x)
	}
}

type payload interface {
	SizeBytes() int64
	ReadAt(dst []byte, off int64) error
}

func compare(t *testing.T, name string, got, want payload) {
	t.Helper()
	a, b := make([]byte, got.SizeBytes()), make([]byte, want.SizeBytes())
	if err1, err2 := got.ReadAt(a, 0), want.ReadAt(b, 0); err1 != nil || err2 != nil || !bytes.Equal(a, b) {
		t.Errorf("%s: %x, want %x (%v, %v)", name, a, b, err1, err2)
	}
}
