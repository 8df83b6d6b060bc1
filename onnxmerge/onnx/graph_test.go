package onnx

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/scripts/sharedtest"
)

func openFile(t testing.TB, path string) (*Model, []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return m, data
}

// good lists the models of testdata.
func good(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.onnx")
	if err != nil || len(paths) < 8 {
		t.Fatalf("found %d models in testdata (%v)", len(paths), err)
	}
	return paths
}

func checkIdentity(t *testing.T, path string) {
	m, data := openFile(t, path)
	var all []Replacement // every plain payload, replaced by its own bytes
	for _, tensor := range m.Tensors {
		if tensor.isPlain() {
			all = append(all, Replacement{tensor, tensor.ReadAt})
		}
	}
	for _, r := range [][]Replacement{nil, all} {
		var out bytes.Buffer
		if err := m.Rewrite(t.Context(), &out, r, 3); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(out.Bytes(), data) {
			t.Errorf("%s: rewriting %d tensors with their own bytes changes the file", path, len(r))
		}
	}
}

func TestRewriteIsIdentity(t *testing.T) {
	t.Parallel()
	for _, path := range good(t) {
		checkIdentity(t, path)
	}
}

func TestRewriteIsIdentityOnRealModels(t *testing.T) {
	t.Parallel()
	for _, path := range sharedtest.Models(t) {
		checkIdentity(t, path)
	}
}

func TestOpenReadsStructure(t *testing.T) {
	t.Parallel()
	m, _ := openFile(t, "testdata/finetuned.onnx")
	if got, want := m.Producer, "make.py"; got != want {
		t.Errorf("producer %q, want %q", got, want)
	}
	if got := m.Opsets; !slices.Equal(got, []Opset{{"", 18}}) {
		t.Errorf("opsets %v", got)
	}
	var ids []string
	for _, tensor := range m.Tensors {
		ids = append(ids, tensor.ID())
	}
	want := []string{"fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias", "head.weight", "head.bias", "axes"}
	if !slices.Equal(ids, want) {
		t.Errorf("tensors %v, want %v", ids, want)
	}
	in := m.Graph.Inputs
	if len(in) != 1 || in[0].Name != "points" || in[0].DType != Float32 ||
		!slices.Equal(in[0].Shape, []Dim{{-1, "batch"}, {-1, "n"}, {3, ""}}) {
		t.Errorf("inputs %+v", in)
	}
}

func TestStoresHoldTheSameNumbers(t *testing.T) {
	t.Parallel()
	raw, _ := openFile(t, "testdata/finetuned.onnx")
	for _, name := range []string{"finetuned_float_data.onnx", "finetuned_constants.onnx"} {
		other, _ := openFile(t, filepath.Join("testdata", name))
		compared := 0
		for _, a := range raw.Tensors {
			b := other.Lookup(a.ID())
			if b == nil {
				t.Errorf("%s lacks %q", name, a.ID())
				continue
			}
			if !a.Readable() || !b.Readable() {
				continue
			}
			pa, pb := make([]byte, a.SizeBytes()), make([]byte, b.SizeBytes())
			if err := errors.Join(a.ReadAt(pa, 0), b.ReadAt(pb, 0)); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(pa, pb) {
				t.Errorf("%s: %q differs", name, a.ID())
			}
			compared++
		}
		if compared < 6 {
			t.Errorf("%s: compared %d tensors", name, compared)
		}
	}
}

func TestScopesKeepShadowedNamesApart(t *testing.T) {
	t.Parallel()
	m, _ := openFile(t, "testdata/branches.onnx")
	var ids []string
	for _, tensor := range m.Tensors {
		ids = append(ids, tensor.ID())
	}
	want := []string{"z.else_branch/w", "z.then_branch/w", "zero", "w_max"}
	slices.Sort(ids)
	slices.Sort(want)
	if !slices.Equal(ids, want) {
		t.Errorf("tensors %v, want %v", ids, want)
	}
}

func TestBadFilesAreRefused(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"truncated.onnx":      "are left",
		"text.onnx":           "",
		"empty.onnx":          "the file is empty",
		"no_graph.onnx":       "not an ONNX model",
		"zip.onnx":            "a zip archive",
		"gzip.onnx":           "unpack it first",
		"lfs_pointer.onnx":    "git lfs pull",
		"short_payload.onnx":  `tensor "fc1.weight": shape [8 3] of float32 needs 96 bytes, has 92`,
		"duplicate_name.onnx": `two tensors are named "fc1.weight"`,
		"negative_dim.onnx":   "negative or too large",
		"huge_shape.onnx":     "negative or too large",
		"two_stores.onnx":     "stored twice",
		"long_claim.onnx":     "has a length of",

		"int32_data_short.onnx":         `tensor "fc1.weight": shape [4] of int32 needs 4 numbers in int32_data, has 3`,
		"int32_data_long.onnx":          "needs 4 numbers in int32_data, has 5",
		"varint_cut.onnx":               `tensor "fc1.weight": the number at byte 340 is cut off`,
		"store_of_other_dtype.onnx":     `tensor "fc1.weight": int64 elements cannot be stored as float_data`,
		"string_raw.onnx":               `tensor "fc1.weight": string elements cannot be stored as raw_data`,
		"sparse_no_name.onnx":           "the sparse initializer at byte 12 has no name",
		"sparse_indices.onnx":           "int64 indices of shape [2] do not fit 3 values of shape [3 4]",
		"sparse_index_outside.onnx":     `sparse tensor "w": index 12 of value 2 lies outside of shape [3 4]`,
		"sparse_index_negative.onnx":    `sparse tensor "w": index -1 of value 0 lies outside of shape [3 4]`,
		"sparse_index_order.onnx":       `sparse tensor "w": index [3] of value 1 does not follow [4]; indices must ascend`,
		"sparse_index_twice.onnx":       `sparse tensor "w": index [4] of value 2 does not follow [4]`,
		"sparse_row_outside.onnx":       `sparse tensor "w": index 4 of value 1 lies outside of shape [3 4]`,
		"sparse_row_order.onnx":         `sparse tensor "w": index [1 2] of value 2 does not follow [1 3]`,
		"sparse_index_external.onnx":    `sparse tensor "w": index 1084818905618843912 of value 0 lies outside of shape [3 4]`,
		"sparse_huge_shape.onnx":        `sparse tensor "w": shape [1099511627776 1099511627776] is negative or too large`,
		"function_duplicate_name.onnx":  `two tensors are named "functions/local.Twice/w"`,
		"nested_40.onnx":                "nest deeper than 32",
		"external_negative_offset.onnx": `tensor "w0": external_data offset "-16": want a number of bytes`,
		"external_offset_overflow.onnx": `tensor "w0": external_data offset "9223372036854775808": want a number`,
		"external_end_overflow.onnx": `tensor "w0": bytes 9223372036854775804 to 9223372036854775820 of "data.bin" are ` +
			"beyond its end (64)",
		"external_length.onnx":  `tensor "w0": shape [4] of float32 needs 16 bytes, 12 are in "data.bin"`,
		"external_overlap.onnx": `tensors "w0" and "w1": their bytes of "data.bin" overlap`,
	}
	paths, err := filepath.Glob("testdata/bad/*.onnx")
	if err != nil || len(paths) != len(want) {
		t.Fatalf("%d bad files, want %d (%v)", len(paths), len(want), err)
	}
	for _, path := range paths {
		text, ok := want[filepath.Base(path)]
		if !ok {
			t.Errorf("%s: no expectation", path)
		}
		_, err := openExternal(t, path)
		var format FormatError
		var unsupported UnsupportedError
		if !errors.As(err, &format) && !errors.As(err, &unsupported) || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: error %v, want one of the file with %q", path, err, text)
		}
	}
}

func TestEveryPrefixIsRefusedOrSmaller(t *testing.T) {
	t.Parallel()
	_, data := openFile(t, "testdata/finetuned.onnx")
	for n := range data {
		m, err := Open(bytes.NewReader(data[:n]), int64(n))
		if err != nil {
			continue
		}
		var out bytes.Buffer
		if err := m.Rewrite(t.Context(), &out, nil, 1); err != nil || !bytes.Equal(out.Bytes(), data[:n]) {
			t.Fatalf("prefix of %d bytes opens and rewrites to %d bytes (%v)", n, out.Len(), err)
		}
	}
}

func TestRewriteStopsWhenCancelled(t *testing.T) {
	t.Parallel()
	m, _ := openFile(t, "testdata/finetuned.onnx")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Rewrite(ctx, &bytes.Buffer{}, nil, 2); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}
