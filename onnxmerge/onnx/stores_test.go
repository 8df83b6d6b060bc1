package onnx_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// vector is a tensor of testdata/stores as the onnx Python package reads it.
type vector struct {
	ID        string   `json:"id"`
	Site      string   `json:"site"`
	Store     string   `json:"store"`
	DType     string   `json:"dtype"`
	Dims      []int64  `json:"dims"`
	Hex       string   `json:"hex"`
	Strings   []string `json:"strings"`
	DenseDims []int64  `json:"dense_dims"`
	Indices   *vector  `json:"indices"`
}

// readVectors reads testdata/stores/tensors.json: the tensors of each model there.
func readVectors(t *testing.T) map[string][]*oracleTensor {
	t.Helper()
	data, err := os.ReadFile("testdata/stores/tensors.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		MadeBy map[string]string `json:"made_by"`
		Files  map[string][]*vector
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	for _, script := range []string{"make_stores.py", "stores_tensors.py", "stores_graphs.py", "read_stores.py"} {
		text, err := os.ReadFile(filepath.Join("testdata", script))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(text)
		if got, want := doc.MadeBy[script+" sha256"], hex.EncodeToString(sum[:]); got != want {
			t.Errorf("tensors.json is of %s %q, which is %s; run make_stores.py", script, got, want)
		}
	}
	all := map[string][]*oracleTensor{}
	for name, vectors := range doc.Files {
		for _, v := range vectors {
			all[name] = append(all[name], v.tensor(t))
		}
	}
	return all
}

// tensor returns the vector as an oracleTensor.
func (v *vector) tensor(t *testing.T) *oracleTensor {
	t.Helper()
	if v == nil {
		return nil
	}
	sites := map[string]onnx.Site{"": 0, "initializer": onnx.Initializer, "constant": onnx.Constant,
		"sparse_initializer": onnx.SparseInitializer}
	stores := map[string]onnx.Store{"empty": onnx.Empty, "raw": onnx.Raw, "float_data": onnx.FloatData,
		"double_data": onnx.DoubleData, "int32_data": onnx.Int32Data, "int64_data": onnx.Int64Data,
		"uint64_data": onnx.Uint64Data, "string_data": onnx.StringData, "attribute": onnx.Attribute,
		"external": onnx.External}
	site, knownSite := sites[v.Site]
	store, knownStore := stores[v.Store]
	if !knownSite || !knownStore {
		t.Fatalf("%s: unknown site %q or store %q", v.ID, v.Site, v.Store)
	}
	payload, err := hex.DecodeString(v.Hex)
	if err != nil {
		t.Fatal(err)
	}
	w := &oracleTensor{id: v.ID, site: site, store: store, dims: v.Dims, payload: payload, strings: v.Strings,
		denseDims: v.DenseDims, indices: v.Indices.tensor(t)}
	for w.dtype = onnx.DTypeUndefined; w.dtype.String() != v.DType; w.dtype++ {
		if w.dtype > onnx.Float4E2M1 {
			t.Fatalf("%s: unknown dtype %q", v.ID, v.DType)
		}
	}
	return w
}

// storeFiles returns the models that have vectors, which must be all.
func storeFiles(t *testing.T, vectors map[string][]*oracleTensor) []string {
	t.Helper()
	paths := modelsIn(t, "testdata/stores")
	for _, path := range paths {
		if len(vectors[filepath.Base(path)]) == 0 {
			t.Errorf("%s has no vectors", path)
		}
	}
	if len(paths) != len(vectors) || len(paths) < 12 {
		t.Fatalf("%d models, %d with vectors", len(paths), len(vectors))
	}
	return paths
}

// The tensors are those of the onnx Python package, in the file's order.
func TestStoresAreReadAsONNXDoes(t *testing.T) {
	t.Parallel()
	vectors := readVectors(t)
	for _, path := range storeFiles(t, vectors) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			m, _ := openModel(t, path)
			want := vectors[filepath.Base(path)]
			for i := range min(len(m.Tensors), len(want)) {
				if got := m.Tensors[i]; got.ID() != want[i].id || got.Site != want[i].site {
					t.Fatalf("tensor %d is %s %q, want %s %q", i, got.Site, got.ID(), want[i].site, want[i].id)
				}
				checkTensor(t, want[i].id, m.Tensors[i], want[i])
			}
			if len(m.Tensors) != len(want) {
				t.Errorf("%d tensors, want %d", len(m.Tensors), len(want))
			}
		})
	}
}

// The oracle agrees with the onnx Python package.
func TestOracleReadsAsONNXDoes(t *testing.T) {
	t.Parallel()
	vectors := readVectors(t)
	for _, path := range storeFiles(t, vectors) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := oracleRead(data, filepath.Dir(path))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		want := vectors[filepath.Base(path)]
		if len(got) != len(want) {
			t.Errorf("%s: the oracle has %d tensors, want %d", path, len(got), len(want))
			continue
		}
		for _, w := range want { // by name, because decoding loses the order of tensors in runs.onnx
			i := slices.IndexFunc(got, func(g *oracleTensor) bool { return g.id == w.id })
			if i < 0 {
				t.Errorf("%s: the oracle lacks %s", path, w.id)
				continue
			}
			if g := got[i]; g.site != w.site || !g.same(w) || w.elements() > 0 && g.store != w.store {
				t.Errorf("%s: %s: %v %v %v %x %q, want %v %v %v %x %q", path, w.id, g.store, g.dtype, g.dims, g.payload, g.strings,
					w.store, w.dtype, w.dims, w.payload, w.strings)
			}
		}
	}
}

// Every payload is replaced by other values, of another encoded size where the store has varints, and read by the
// oracle.
func TestReplacedStoresAreReadBack(t *testing.T) {
	t.Parallel()
	vectors, replaced := readVectors(t), 0
	for _, path := range storeFiles(t, vectors) {
		m, data := openModel(t, path)
		want, err := oracleRead(data, filepath.Dir(path))
		if err != nil {
			t.Fatal(err)
		}
		var replacements []onnx.Replacement
		for _, tensor := range m.Tensors {
			if !tensor.Replaceable() || tensor.Len() == 0 {
				continue
			}
			i := slices.IndexFunc(want, func(w *oracleTensor) bool { return w.id == tensor.ID() })
			if i < 0 {
				t.Fatalf("%s: the oracle lacks %s", path, tensor.ID())
			}
			payload := other(want[i])
			want[i].payload = payload
			replacements = append(replacements, onnx.Replacement{Tensor: tensor, Fill: func(dst []byte, off int64) error {
				copy(dst, payload[off:])
				return nil
			}})
		}
		replaced += len(replacements)
		var out [2]bytes.Buffer
		for i, workers := range []int{1, 4} {
			if err := m.Rewrite(t.Context(), &out[i], replacements, workers); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
		}
		if !bytes.Equal(out[0].Bytes(), out[1].Bytes()) {
			t.Errorf("%s: the number of workers changes the file", path)
		}
		checkWritten(t, out[0].Bytes(), want)
	}
	if replaced < 180 {
		t.Errorf("%d tensors were replaced", replaced)
	}
}

// other returns a valid payload that differs in every element.
func other(w *oracleTensor) []byte {
	payload := slices.Clone(w.payload)
	for i := range payload {
		switch w.dtype {
		case onnx.Bool:
			payload[i] ^= 1
		default:
			payload[i] ^= byte(0x91 + 2*i)
		}
	}
	is4bit := w.dtype == onnx.Int4 || w.dtype == onnx.Uint4 || w.dtype == onnx.Float4E2M1
	if is4bit && w.elements()%2 == 1 {
		payload[len(payload)-1] &= 0x0F // the padding of the last byte stays 0
	}
	return payload
}
