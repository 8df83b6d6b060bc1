// Package orttest loads onnxruntime for tests. A test that needs it and cannot have
// it skips; REQUIRE_ORT=1, set in CI, turns the skip into a failure.
package orttest

import (
	"os"
	"testing"

	"github.com/wiseft/wiseft/probe/ort"
)

// Load loads the library that the program itself would use, installing it into the
// user's cache folder if there is none, and logs which one is used.
func Load(t testing.TB) ort.Library {
	t.Helper()
	opt := ort.Options{Library: os.Getenv("WISEFT_ONNXRUNTIME"), Binding: os.Getenv("WISEFT_ORT_BINDING"), Install: true,
		Say: func(line string) { t.Log(line) }}
	cache, err := ort.DefaultCacheDir()
	if err == nil {
		opt.CacheDir = cache
	}
	lib, err := ort.Load(t.Context(), opt)
	if err != nil {
		if os.Getenv("REQUIRE_ORT") == "1" {
			t.Fatalf("REQUIRE_ORT=1, but %v", err)
		}
		t.Skip(err)
	}
	t.Logf("onnxruntime %s, %s (%s), by %s", lib.Version, lib.Path, lib.Origin, lib.Binding)
	return lib
}
