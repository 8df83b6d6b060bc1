// Package sharedtest finds the real models and point clouds that some tests use. They are not part of the repository,
// because their licences do not allow it, so that such tests are skipped without the data; REQUIRE_SHARED=1, set in CI,
// makes them fail instead.
package sharedtest

import (
	"os"
	"path/filepath"
	"testing"
)

// Path returns the path of a file or folder of the shared test data, given its
// elements below the data's root (WISEFT_SHARED, default ../shared beside the
// repository). It skips the test if that is absent.
func Path(t testing.TB, elem ...string) string {
	t.Helper()
	path := filepath.Join(append([]string{root(t)}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("REQUIRE_SHARED") == "1" {
			t.Fatalf("REQUIRE_SHARED=1, but the shared test data is missing: %v", err)
		}
		t.Skipf("shared test data is missing: %v", err)
	}
	return path
}

// Models lists the shared models, each in the folder of its family. It skips the test as Path does.
func Models(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(Path(t, "data", "models"), "*", "*.onnx"))
	if err != nil || len(paths) < 17 {
		t.Fatalf("found %d shared models (%v)", len(paths), err)
	}
	return paths
}

func root(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("WISEFT_SHARED"); dir != "" {
		return dir
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "..", "shared")
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test's folder")
		}
		dir = up
	}
}
