package onnx_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// constant reads the attribute of a Constant node.
func (o *oracle) constant(a message) (*oracleTensor, error) {
	w := &oracleTensor{store: onnx.Attribute}
	switch name := a.text("name"); name {
	case "value":
		return o.tensor(a.message("t"))
	case "sparse_value":
		return o.sparse(a.message("sparse_tensor"))
	case "value_float":
		w.dtype, w.payload = onnx.Float32, binary.LittleEndian.AppendUint32(nil, uint32(a.field("f").Uint()))
	case "value_int":
		w.dtype, w.payload = onnx.Int64, binary.LittleEndian.AppendUint64(nil, uint64(a.field("i").Int()))
	case "value_string":
		w.dtype, w.strings = onnx.String, []string{string(a.field("s").Bytes())}
	case "value_floats":
		w.dtype, w.payload = onnx.Float32, pack(a.field("floats").List(), 4)
		w.dims = []int64{int64(len(w.payload) / 4)}
	case "value_ints":
		w.dtype, w.payload = onnx.Int64, pack(a.field("ints").List(), 8)
		w.dims = []int64{int64(len(w.payload) / 8)}
	case "value_strings":
		w.dtype, w.strings = onnx.String, a.texts("strings")
		w.dims = []int64{int64(len(w.strings))}
	default:
		return nil, fmt.Errorf("a Constant has no attribute %q", name)
	}
	return w, nil
}

func (o *oracle) sparse(s message) (*oracleTensor, error) {
	w, err := o.tensor(s.message("values"))
	if err != nil {
		return nil, err
	}
	w.denseDims = s.int64s("dims")
	w.indices, err = o.tensor(s.message("indices"))
	return w, err
}

// fields lists the fields of payloads that are not raw, and the number of low bytes of each number that form an
// element. A complex element is two numbers; two 4-bit elements are one.
var fields = []struct {
	name   string
	store  onnx.Store
	size   int
	dtypes []onnx.DType
}{
	{"float_data", onnx.FloatData, 4, []onnx.DType{onnx.Float32, onnx.Complex64}},
	{"double_data", onnx.DoubleData, 8, []onnx.DType{onnx.Float64, onnx.Complex128}},
	{"int64_data", onnx.Int64Data, 8, []onnx.DType{onnx.Int64}},
	{"uint64_data", onnx.Uint64Data, 8, []onnx.DType{onnx.Uint64}},
	{"uint64_data", onnx.Uint64Data, 4, []onnx.DType{onnx.Uint32}},
	{"int32_data", onnx.Int32Data, 4, []onnx.DType{onnx.Int32}},
	{"int32_data", onnx.Int32Data, 2, []onnx.DType{onnx.Int16, onnx.Uint16, onnx.Float16, onnx.BFloat16}},
	{"int32_data", onnx.Int32Data, 1, []onnx.DType{onnx.Int8, onnx.Uint8, onnx.Bool, onnx.Int4, onnx.Uint4,
		onnx.Float8E4M3FN, onnx.Float8E4M3FNUZ, onnx.Float8E5M2, onnx.Float8E5M2FNUZ, onnx.Float4E2M1}},
}

func (o *oracle) tensor(t message) (*oracleTensor, error) {
	if stored := payloads(t); len(stored) > 1 {
		return nil, fmt.Errorf("more than one payload: %q", stored)
	}
	w := &oracleTensor{dtype: onnx.DType(t.field("data_type").Int()), dims: t.int64s("dims")}
	if w.dtype == onnx.String {
		w.store, w.strings = onnx.StringData, t.texts("string_data")
		return w, nil
	}
	if t.field("data_location").Enum() == 1 {
		var err error
		w.store = onnx.External
		w.payload, err = o.external(t, w.elements())
		return w, err
	}
	if t.has("raw_data") {
		w.store, w.payload = onnx.Raw, t.field("raw_data").Bytes()
		return w, nil
	}
	for _, f := range fields {
		if slices.Contains(f.dtypes, w.dtype) {
			w.store, w.payload = f.store, pack(t.field(f.name).List(), f.size)
			return w, nil
		}
	}
	return nil, fmt.Errorf("no dtype %d", w.dtype)
}

// payloads returns the fields of a tensor that hold its payload, of which there must be one. External data counts as
// one.
func payloads(t message) []string {
	all := []string{"raw_data", "string_data", "float_data", "double_data", "int32_data", "int64_data", "uint64_data"}
	if t.field("data_location").Enum() == 1 {
		all = append(all, "external_data")
	}
	return slices.DeleteFunc(all, func(name string) bool { return !t.has(name) })
}

// external reads length bytes from offset on, or up to the end without a length.
func (o *oracle) external(t message, elements int64) ([]byte, error) {
	if elements == 0 {
		return nil, nil
	}
	entries := map[string]string{"offset": "0"}
	for _, e := range t.messages("external_data") {
		entries[e.text("key")] = e.text("value")
	}
	data, err := os.ReadFile(filepath.Join(o.dir, entries["location"]))
	if err != nil {
		return nil, err
	}
	offset, err := strconv.Atoi(entries["offset"])
	if err != nil || offset > len(data) {
		return nil, fmt.Errorf("offset %s of %d (%v)", entries["offset"], len(data), err)
	}
	data = data[offset:]
	if text, ok := entries["length"]; ok {
		length, err := strconv.Atoi(text)
		if err != nil || length > len(data) {
			return nil, fmt.Errorf("length %s of %d (%v)", text, len(data), err)
		}
		data = data[:length]
	}
	return data, nil
}

// pack joins the low bytes of each number.
func pack(list protoreflect.List, size int) []byte {
	out := make([]byte, 0, list.Len()*size)
	for i := range list.Len() {
		var number uint64
		switch v := list.Get(i).Interface().(type) {
		case int32:
			number = uint64(v)
		case int64:
			number = uint64(v)
		case uint32:
			number = uint64(v)
		case uint64:
			number = v
		}
		out = append(out, binary.LittleEndian.AppendUint64(nil, number)[:size]...)
	}
	return out
}
