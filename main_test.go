package wiseft_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/shapes"
)

// TestMain makes the folder in which the examples run, with a pair of models and a few scans. Without onnxruntime it
// skips the examples and prints that; with REQUIRE_ORT=1 that is a failure.
func TestMain(m *testing.M) {
	flag.Parse()
	code, err := runTests(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "wiseft:", err)
		code = 1
	}
	os.Exit(code)
}

func runTests(m *testing.M) (code int, err error) {
	home, err := os.Getwd()
	if err != nil {
		return 0, err
	}
	// Tests that name files of the repository run in the folder of the examples, too.
	if os.Getenv("WISEFT_SHARED") == "" {
		if err := os.Setenv("WISEFT_SHARED", filepath.Join(home, "..", "shared")); err != nil {
			return 0, err
		}
	}
	if err := os.Setenv("WISEFT_REPOSITORY", home); err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "wiseft-test-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.Chdir(home), os.RemoveAll(dir)) }()
	if err := makeExampleFiles(dir, os.DirFS(filepath.Join(home, "cmd", "wiseft", "demo"))); err != nil {
		return 0, err
	}
	if err := os.Chdir(dir); err != nil {
		return 0, err
	}
	library := wiseft.RuntimeOptions{Library: os.Getenv("WISEFT_ONNXRUNTIME")}
	if _, err := wiseft.LoadRuntime(context.Background(), library, wiseft.Monitor{}); err != nil {
		if os.Getenv("REQUIRE_ORT") == "1" {
			return 0, fmt.Errorf("REQUIRE_ORT=1, but %w", err)
		}
		fmt.Println("the examples are left out:", err)
		if err := flag.Set("test.skip", "^Example"); err != nil {
			return 0, err
		}
	}
	return m.Run(), nil
}

// makeExampleFiles writes the demo's pair of models and scans of four classes.
func makeExampleFiles(dir string, models fs.FS) error {
	for _, name := range []string{"pretrained.onnx", "finetuned.onnx"} {
		data, err := fs.ReadFile(models, name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o666); err != nil {
			return err
		}
	}
	for split, perClass := range map[string]int{"train": 10, "val": 6, "test": 6} {
		scans, err := shapes.New(shapes.Options{Domain: shapes.Scan, Split: split, PerClass: perClass, Points: 128,
			Classes: shapes.Indoor()[:4]})
		if err != nil {
			return err
		}
		var npz bytes.Buffer
		if err := datasets.WriteNPZ(context.Background(), &npz, scans); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, split+".npz"), npz.Bytes(), 0o666); err != nil {
			return err
		}
	}
	return nil
}
