package onnxmerge

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// folder is an onnx.Output of files in a folder; the model's own file is model.onnx.
type folder string

func (f folder) Create(name string) (io.Writer, error) {
	if name == "" {
		name = "model.onnx"
	}
	return os.Create(filepath.Join(string(f), name))
}

// outside returns the model with its payloads in data files.
func outside(t *testing.T, m *onnx.Model) *onnx.Model {
	t.Helper()
	dir := t.TempDir()
	data, err := m.Write(t.Context(), folder(dir), nil,
		onnx.WriteOptions{Layout: onnx.Outside, DataName: "model.data", ShardBytes: 100 << 10})
	if err != nil || len(data) < 2 {
		t.Fatalf("%d data files (%v)", len(data), err)
	}
	return openFolder(t, dir)
}

// openFolder opens the model that was written to a folder.
func openFolder(t *testing.T, dir string) *onnx.Model {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	file, err := os.ReadFile(filepath.Join(dir, "model.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnx.OpenWithData(bytes.NewReader(file), int64(len(file)), root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// fields cuts a message into its fields.
func fields(t *testing.T, message []byte) (list [][]byte) {
	t.Helper()
	for len(message) > 0 {
		_, _, n := protowire.ConsumeField(message)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		list, message = append(list, message[:n]), message[n:]
	}
	return list
}

// backwards returns the model with its initializers in reverse order.
func backwards(t *testing.T, m *onnx.Model) *onnx.Model {
	t.Helper()
	var file bytes.Buffer
	if err := m.Rewrite(t.Context(), &file, nil, 1); err != nil {
		t.Fatal(err)
	}
	var out []byte
	for _, f := range fields(t, file.Bytes()) {
		num, _, n := protowire.ConsumeTag(f)
		if num != 7 { // ModelProto.graph
			out = append(out, f...)
			continue
		}
		body, _ := protowire.ConsumeBytes(f[n:])
		var initializers, rest [][]byte
		for _, f := range fields(t, body) {
			if num, _, _ := protowire.ConsumeTag(f); num == 5 { // GraphProto.initializer
				initializers = append(initializers, f)
			} else {
				rest = append(rest, f)
			}
		}
		slices.Reverse(initializers)
		out = protowire.AppendTag(out, 7, protowire.BytesType)
		out = protowire.AppendBytes(out, bytes.Join(append(rest, initializers...), nil))
	}
	back := openBytes(t, out)
	last := len(m.Tensors) - 1 // initializers come after Constant nodes
	if back.Tensors[last].ID() == m.Tensors[last].ID() {
		t.Fatal("the order is the same")
	}
	return back
}

// Random masks do not depend on where payloads are stored, on the order of tensors or on the number of workers; they
// depend on the seed.
func TestDrawsDoNotDependOnTheFile(t *testing.T) {
	t.Parallel()
	var base bytes.Buffer
	if err := openPath(t, filepathDemo("pretrained.onnx")).Rewrite(t.Context(), &base, nil, 1); err != nil {
		t.Fatal(err)
	}
	models := family(t, base.Bytes(), 3)
	var moved, turned []*onnx.Model
	for _, m := range models {
		moved, turned = append(moved, outside(t, m)), append(turned, backwards(t, m))
	}
	for _, name := range []string{"dare_linear", "dare_ties", "della", "della_linear"} {
		opt := Options{Method: name, Params: method.Params{"seed": 7.}}
		_, want := runPlan(t, models, opt)
		other := Options{Method: name, Params: method.Params{"seed": 8.}}
		if _, again := runPlan(t, models, other); bytes.Equal(again, want) {
			t.Errorf("%s: two seeds draw the same", name)
		}
		merged := openBytes(t, want)
		opt.Workers = 3
		for how, list := range map[string][]*onnx.Model{"data files": moved, "another order": turned} {
			_, file := runPlan(t, list, opt)
			got := openBytes(t, file)
			if len(got.Tensors) != len(merged.Tensors) {
				t.Fatalf("%s, %s: %d tensors, want %d", name, how, len(got.Tensors), len(merged.Tensors))
			}
			for _, x := range merged.Tensors {
				if !bytes.Equal(payload(t, got.Lookup(x.ID())), payload(t, x)) {
					t.Errorf("%s, %s: %s differs", name, how, x.ID())
				}
			}
		}
	}
}
