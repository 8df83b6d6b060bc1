//go:build (darwin || linux) && (amd64 || arm64)

package ort

import "github.com/ebitengine/purego"

// openLibrary loads a shared library, and returns the address of its function OrtGetApiBase.
func openLibrary(path string) (library, getBase uintptr, err error) {
	library, err = purego.Dlopen(path, purego.RTLD_LAZY|purego.RTLD_LOCAL)
	if err != nil {
		return 0, 0, err
	}
	if getBase, err = purego.Dlsym(library, "OrtGetApiBase"); err != nil {
		closeLibrary(library)
	}
	return library, getBase, err
}

func closeLibrary(library uintptr) { _ = purego.Dlclose(library) } // the error that led here says more

// pathBytes returns a path as onnxruntime takes it: with a zero byte at its end.
func pathBytes(path string) ([]byte, error) { return cString(path) }
