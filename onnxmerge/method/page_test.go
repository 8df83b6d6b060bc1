package method

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "rewrite METHODS.md")

// METHODS.md equals the output of WriteMarkdown.
func TestPage(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "METHODS.md")
	var want bytes.Buffer
	if err := WriteMarkdown(&want); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, want.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Error("METHODS.md differs from the registered methods; rewrite it with: go test ./onnxmerge/method -run TestPage " +
			"-update")
	}
}
