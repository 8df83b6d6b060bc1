package checkpoint

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// file returns a safetensors file of a header and so many bytes of data.
func file(header string, data int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, data)...)
}

// TestHeaders opens files whose header does not fit, one way of being wrong each.
func TestHeaders(t *testing.T) {
	t.Parallel()
	const a, b = `"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}`, `"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}`
	for name, test := range map[string]struct {
		header string
		data   int
		want   string
	}{
		"good":          {"{" + a + "," + b + "}", 12, ""},
		"reversed":      {"{" + b + "," + a + "}", 12, ""},
		"padded":        {"{" + a + "}   ", 8, ""},
		"no tensors":    {"{}", 0, ""},
		"empty tensor":  {`{"a":{"dtype":"F32","shape":[0,3],"data_offsets":[0,0]}}`, 0, ""},
		"metadata":      {`{"__metadata__":{"k":"v"},` + a + "}", 8, ""},
		"twice":         {"{" + a + "," + a + "}", 8, `has "a" twice`},
		"hole":          {`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8, "nothing describes"},
		"overlap":       {"{" + a + `,"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8, "overlap"},
		"same":          {"{" + a + "," + strings.Replace(a, `"a"`, `"b"`, 1) + "}", 8, "overlap"},
		"rest":          {"{" + a + "}", 9, "end at byte 8 of the data, and the file has 9"},
		"beyond":        {"{" + a + "}", 7, "not inside"},
		"size":          {`{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}`, 8, "needs 12 bytes, has 8"},
		"backwards":     {`{"a":{"dtype":"F32","shape":[0],"data_offsets":[8,0]}}`, 8, "not inside"},
		"negative":      {`{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}`, 8, "negative or too large"},
		"overflow":      {`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, 0, "too large"},
		"half byte":     {`{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}}`, 1, "no whole number of bytes"},
		"dtype":         {`{"a":{"dtype":"F5","shape":[1],"data_offsets":[0,1]}}`, 1, `dtype "F5" is not known`},
		"no shape":      {`{"a":{"dtype":"U8","data_offsets":[0,1]}}`, 1, "shape of 0 axes"},
		"one offset":    {`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}}`, 1, "1 offsets"},
		"fraction":      {`{"a":{"dtype":"U8","shape":[1.5],"data_offsets":[0,1]}}`, 1, `"a"`},
		"not JSON":      {`{"a":}`, 0, "not JSON"},
		"cut":           {"{" + a, 8, "ends early"},
		"after the end": {"{" + a + "}x", 8, "1 bytes after its end"},
		"not UTF-8":     {"{\"\xff\":1}", 0, "not UTF-8"},
		"metadata type": {`{"__metadata__":{"k":1}}`, 0, "__metadata__"},
	} {
		_, err := open(file(test.header, test.data))
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	claims := append(binary.LittleEndian.AppendUint64(nil, 1<<62), "{       "...)
	if _, err := open(claims); err == nil || !strings.Contains(err.Error(), "has 4611686018427387904 bytes") {
		t.Errorf("a header of 2^62 bytes: %v", err)
	}
}

// TestWrite writes what was read, and compares.
func TestWrite(t *testing.T) {
	t.Parallel()
	c, err := open(readFile(t, "testdata/dtypes.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	var tensors []Output
	for _, x := range c.Tensors {
		tensors = append(tensors, Output{x.Name, x.DType, x.Dims, x.ReadAt})
	}
	var b bytes.Buffer
	if err := Write(context.Background(), &b, tensors, c.Metadata); err != nil {
		t.Fatal(err)
	}
	again, err := open(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if len(again.Tensors) != len(c.Tensors) || again.Metadata["made"] != "by a test" {
		t.Errorf("%d tensors and metadata %v", len(again.Tensors), again.Metadata)
	}
	for i, x := range again.Tensors {
		want, got := make([]byte, c.Tensors[i].SizeBytes()), make([]byte, x.SizeBytes())
		if err1, err2 := c.Tensors[i].ReadAt(want, 0), x.ReadAt(got, 0); err1 != nil || err2 != nil || !bytes.Equal(got, want) ||
			x.Type != c.Tensors[i].Type {
			t.Errorf("%s: %s %x, want %s %x", x.Name, x.Type, got, c.Tensors[i].Type, want)
		}
	}
	twice := []Output{{Name: "a", DType: onnx.Uint8}, {Name: "a", DType: onnx.Uint8}}
	if err := Write(context.Background(), io.Discard, twice, nil); err == nil {
		t.Error("two tensors with one name are written")
	}
}
