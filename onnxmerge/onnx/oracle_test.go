package onnx_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/scripts/sharedtest"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// modelsIn lists the ONNX files below dir, except those in folders named bad.
func modelsIn(t testing.TB, dir string) []string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "bad":
			return fs.SkipDir
		case !d.IsDir() && strings.HasSuffix(path, ".onnx"):
			paths = append(paths, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// openModel opens a model with its external data, and returns the file's bytes.
func openModel(t testing.TB, path string) (*onnx.Model, []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	m, err := onnx.OpenWithData(bytes.NewReader(data), int64(len(data)), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m, data
}

// Every available model is read as by the oracle, and rewritten without a change. The environment variable
// WISEFT_MODELS names a folder of further models.
func TestOracle(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		dir  func(t *testing.T) string
		min  int // least number of models
	}{
		{"testdata", func(*testing.T) string { return "testdata" }, 24},
		{"demo", func(*testing.T) string { return "../../cmd/wiseft/demo" }, 2},
		{"shared", func(t *testing.T) string { return sharedtest.Path(t, "data", "models") }, 17},
		{"WISEFT_MODELS", func(t *testing.T) string {
			dir := os.Getenv("WISEFT_MODELS")
			if dir == "" {
				t.Skip("WISEFT_MODELS names no folder of models")
			}
			return dir
		}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir, tensors, readable := c.dir(t), 0, 0
			paths := modelsIn(t, dir)
			for _, path := range paths {
				t.Run(path, func(t *testing.T) {
					m, data := openModel(t, path)
					want, err := oracleRead(data, filepath.Dir(path))
					if err != nil {
						t.Fatalf("the oracle: %v", err)
					}
					readable += checkTensors(t, m, data, want)
					tensors += len(want)
					checkRewrite(t, m, data, want)
				})
			}
			t.Logf("%d models, %d tensors, %d payloads compared", len(paths), tensors, readable)
			if len(paths) < c.min || readable == 0 {
				t.Errorf("%d models with %d payloads, want %d models", len(paths), readable, c.min)
			}
		})
	}
}

// checkTensors compares all of a model's tensors and returns how many payloads it compared.
func checkTensors(t *testing.T, m *onnx.Model, data []byte, want []*oracleTensor) int {
	t.Helper()
	got, want := slices.Clone(m.Tensors), slices.Clone(want)
	if desc, err := onnxModel(); err != nil || !ascending(data, desc) {
		// Decoding loses the order of fields.
		slices.SortStableFunc(got, func(a, b *onnx.Tensor) int { return strings.Compare(a.ID(), b.ID()) })
		slices.SortStableFunc(want, func(a, b *oracleTensor) int { return strings.Compare(a.id, b.id) })
	}
	var gotIDs, wantIDs []string
	for _, g := range got {
		gotIDs = append(gotIDs, g.ID())
	}
	for _, w := range want {
		wantIDs = append(wantIDs, w.id)
	}
	if !slices.Equal(gotIDs, wantIDs) {
		t.Fatalf("tensors %q, want %q", gotIDs, wantIDs)
	}
	compared := 0
	for i, w := range want {
		if got[i].Site != w.site {
			t.Errorf("%s: site %v, want %v", w.id, got[i].Site, w.site)
		}
		compared += checkTensor(t, w.id, got[i], w)
	}
	return compared
}

// checkTensor compares two tensors and returns how many payloads it compared.
func checkTensor(t *testing.T, id string, got *onnx.Tensor, want *oracleTensor) int {
	t.Helper()
	if got.DType != want.dtype || !slices.Equal(got.Dims, want.dims) || got.Len() != want.elements() {
		t.Errorf("%s: %v %v of %d elements, want %v %v of %d", id, got.DType, got.Dims, got.Len(), want.dtype, want.dims,
			want.elements())
		return 0
	}
	compared := 0
	if (got.Indices == nil) != (want.indices == nil) || !slices.Equal(got.DenseDims, want.denseDims) {
		t.Errorf("%s: indices %v of shape %v, want %v of %v", id, got.Indices, got.DenseDims, want.indices, want.denseDims)
	} else if want.indices != nil {
		compared += checkTensor(t, id+" indices", got.Indices, want.indices)
	}
	if want.elements() == 0 {
		return compared // in any store
	}
	if readable := want.dtype != onnx.String; got.Readable() != readable || got.Store != want.store {
		t.Errorf("%s: store %v, readable %t, want %v and %t", id, got.Store, got.Readable(), want.store, readable)
		return compared
	}
	if want.dtype == onnx.String {
		return compared
	}
	payload := readPayload(t, got)
	if !bytes.Equal(payload, want.payload) {
		t.Errorf("%s: payload %x, want %x", id, head(payload), head(want.payload))
	}
	return compared + 1
}

// readPayload reads a tensor at once and in two parts, which must be equal.
func readPayload(t *testing.T, tensor *onnx.Tensor) []byte {
	t.Helper()
	whole := make([]byte, tensor.SizeBytes())
	parts := make([]byte, len(whole))
	size := len(whole) / int(tensor.Len()) // of an element, 0 if two share a byte
	split := int(tensor.Len()) / 2 * max(size, 1)
	split = min(split, len(whole))
	err := errors.Join(tensor.ReadAt(whole, 0), tensor.ReadAt(parts[split:], int64(split)),
		tensor.ReadAt(parts[:split], 0))
	if err != nil {
		t.Errorf("%s: %v", tensor.ID(), err)
	}
	if !bytes.Equal(whole, parts) {
		t.Errorf("%s: %x when read at once, %x in two parts", tensor.ID(), head(whole), head(parts))
	}
	return whole
}

// head is the beginning of a payload, for messages.
func head(payload []byte) []byte { return payload[:min(len(payload), 64)] }

// checkRewrite writes the model without replacements, which must give the file itself unless it has external data,
// and with every payload replaced by itself.
func checkRewrite(t *testing.T, m *onnx.Model, data []byte, want []*oracleTensor) {
	t.Helper()
	var own []onnx.Replacement
	for _, tensor := range m.Tensors {
		if tensor.Replaceable() {
			own = append(own, onnx.Replacement{Tensor: tensor, Fill: tensor.ReadAt})
		}
	}
	for _, replacements := range [][]onnx.Replacement{nil, own} {
		var out bytes.Buffer
		if err := m.Rewrite(t.Context(), &out, replacements, 3); err != nil {
			t.Errorf("rewriting %d tensors: %v", len(replacements), err)
			continue
		}
		if replacements == nil && !m.HasExternalData() && !bytes.Equal(out.Bytes(), data) {
			t.Error("rewriting nothing changes the file")
		}
		checkWritten(t, out.Bytes(), want)
	}
}

// checkWritten compares the payloads of a written model with want, by the oracle.
func checkWritten(t *testing.T, written []byte, want []*oracleTensor) {
	t.Helper()
	got, err := oracleRead(written, "") // no external data
	if err != nil {
		t.Errorf("the written model: %v", err)
		return
	}
	if len(got) != len(want) {
		t.Errorf("the written model has %d tensors, want %d", len(got), len(want))
		return
	}
	for i, w := range want {
		g := got[i]
		if g.id != w.id || g.site != w.site || !g.same(w) {
			t.Errorf("%s is written as %s: %v %v %x, want %v %v %x", w.id, g.id, g.dtype, g.dims, head(g.payload), w.dtype,
				w.dims, head(w.payload))
		}
	}
}

// same reports whether two tensors have the same elements, in any store.
func (w *oracleTensor) same(v *oracleTensor) bool {
	if w == nil || v == nil {
		return w == v
	}
	return w.dtype == v.dtype && slices.Equal(w.dims, v.dims) && bytes.Equal(w.payload, v.payload) &&
		slices.Equal(w.strings, v.strings) && slices.Equal(w.denseDims, v.denseDims) && w.indices.same(v.indices)
}

// ascending reports whether the fields of a message that can hold tensors, and of all messages in it, are in the
// order of their numbers, as protobuf's writers emit them. The fields within a tensor do not matter.
func ascending(data []byte, desc protoreflect.MessageDescriptor) bool {
	last := protowire.Number(0)
	for len(data) > 0 {
		num, kind, n := protowire.ConsumeTag(data)
		size := protowire.ConsumeFieldValue(num, kind, data[max(n, 0):])
		if n < 0 || size < 0 {
			return false
		}
		if f := desc.Fields().ByNumber(num); f != nil && f.Message() != nil && f.Message().Name() != "TensorProto" {
			body, _ := protowire.ConsumeBytes(data[n:])
			if !ascending(body, f.Message()) {
				return false
			}
		}
		if num < last {
			return false
		}
		last, data = num, data[n+size:]
	}
	return true
}
