//go:build (darwin || linux || windows) && (amd64 || arm64)

package ort

import (
	"runtime"
	"testing"

	"github.com/wiseft/wiseft/internal/fault"
)

func TestNegotiate(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]int{"1.17.0": 17, "1.20.1": 20, "1.23.2": 23, "1.24.0": apiVersion,
		"1.130.0": apiVersion, "1.22.0-dev+abc": 22, "1.16.3": 0, "2.0.0": 0, "": 0, "1": 0, "1.x": 0} {
		if got, err := negotiate(version); got != want || (err == nil) != (want > 0) {
			t.Errorf("negotiate(%q) = %d (%v), want %d", version, got, err, want)
		}
	}
}

// A file that is no library, or another one, is refused by its binding and does not stay loaded.
func TestOtherLibrariesAreRefused(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"testdata/missing.so", "./purego_test.go", otherLibrary} {
		b := &bindingPurego{}
		if version, err := b.load(path); err == nil {
			t.Errorf("%s is loaded as version %s", path, version)
		} else {
			t.Logf("%s: %v", path, err)
		}
		if *b != (bindingPurego{}) {
			t.Errorf("%s leaves %+v", path, b)
		}
	}
}

// otherLibrary is a shared library on this system that is not onnxruntime.
var otherLibrary = map[string]string{"linux": "libm.so.6", "darwin": "/usr/lib/libSystem.B.dylib",
	"windows": "kernel32.dll"}[runtime.GOOS]

func TestBindingFor(t *testing.T) {
	t.Parallel()
	for name := range bindings {
		if b, got, err := bindingFor(name); err != nil || got != name || b != bindings[name] {
			t.Errorf("bindingFor(%q) = %v, %q (%v)", name, b, got, err)
		}
	}
	if _, name, err := bindingFor(""); err != nil || len(bindings) == 2 && name != nameCgo {
		t.Errorf("the default is %q (%v)", name, err)
	}
	if _, _, err := bindingFor("rust"); fault.KindOf(err) != fault.Usage {
		t.Errorf("an unknown name gives %v, want a mistake of usage", err)
	}
	if _, ok := bindings[nameCgo]; !ok {
		if _, _, err := bindingFor(nameCgo); fault.HintOf(err) == "" {
			t.Errorf("cgo's binding in a build without gives %v, want a hint", err)
		}
	}
}
