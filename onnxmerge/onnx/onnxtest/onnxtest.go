// Package onnxtest opens models for tests of the packages beside it.
package onnxtest

import (
	"bytes"
	"os"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Open reads a model without external data into memory, and returns the file's bytes too.
func Open(t testing.TB, path string) (*onnx.Model, []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return m, data
}
