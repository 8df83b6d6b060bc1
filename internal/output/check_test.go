package output_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/output"
)

// Whatever --force says, an output replaces no input, no file of an input folder, and nothing that is no regular file.
func TestOutputsThatAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(parts ...string) string { return filepath.Join(append([]string{dir}, parts...)...) }
	for _, path := range []string{at("data", "a", "x.pcd"), at("model.onnx"), at("weights.bin"), at("old")} {
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(at("weights.bin"), at("link")); err != nil {
		t.Fatal(err)
	}
	opt := output.Options{Force: true, Inputs: []string{at("model.onnx"), at("weights.bin"), at("data"), at("missing")}}
	for _, path := range []string{at("weights.bin"), at("link"), at("data", "a", "x.pcd"), at("data"), os.DevNull, ""} {
		if err := output.Check(path, opt); fault.KindOf(err) != fault.Usage {
			t.Errorf("%s: error %v", path, err)
		}
	}
	for _, path := range []string{at("new"), at("old"), at("data", "new")} {
		if err := output.Check(path, opt); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := output.Check(at("old"), output.Options{}); fault.KindOf(err) != fault.Usage {
		t.Errorf("an existing file without force: error %v", err)
	}
}
