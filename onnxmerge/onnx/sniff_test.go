package onnx_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// The first bytes are those that torch 2.6, safetensors 0.5 and h5py write.
func TestCheckpointsAreNamed(t *testing.T) {
	t.Parallel()
	entry := func(name string) string {
		return "PK\x03\x04\x00\x00\x08\x08" + strings.Repeat("\x00", 18) + string([]byte{byte(len(name)), 0, 0, 0}) + name
	}
	for _, test := range []struct{ head, want string }{
		{"\x02\x00\x00\x00\x00\x00\x00\x00{}", "a safetensors checkpoint"},
		{"\x20\x00\x00\x00\x00\x00\x00\x00" + `{"__metadata__":{"format":"pt"}}`, "a safetensors checkpoint"},
		{entry("archive/data.pkl"), "a PyTorch checkpoint"},
		{entry("script/data/0"), "a TorchScript model"},
		{entry("x.npy"), "NumPy's arrays"},
		{entry("model.onnx"), "a zip archive, not"},
		{"PK\x03\x04", "a zip archive, not"},
		{"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02", "before PyTorch 1.6"},
		{"\x80\x04\x95\x0c\x00", "a pickle"},
		{"\x89HDF\r\n\x1a\n\x00", "an HDF5 file"},
		{"GGUF\x03\x00\x00\x00", "a GGUF checkpoint"},
		{"\x1c\x00\x00\x00TFL3", "a TensorFlow Lite model"},
	} {
		_, err := onnx.Open(bytes.NewReader([]byte(test.head)), int64(len(test.head)))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.20q: got %v, want an error with %q", test.head, err, test.want)
		}
	}
	// The header would be longer than the file.
	if _, err := onnx.Open(strings.NewReader("\x99\x00\x00\x00\x00\x00\x00\x00{}"), 10); err == nil ||
		strings.Contains(err.Error(), "safetensors") {
		t.Errorf("got %v, want an error that does not name safetensors", err)
	}
}
