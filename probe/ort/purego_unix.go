//go:build (darwin || linux) && (amd64 || arm64)

package ort

import "github.com/ebitengine/purego"

// openLibrary loads a shared library, and returns the address of one of its functions.
func openLibrary(path, function string) (library, address uintptr, err error) {
	library, err = purego.Dlopen(path, purego.RTLD_LAZY|purego.RTLD_LOCAL)
	if err != nil {
		return 0, 0, err
	}
	if address, err = purego.Dlsym(library, function); err != nil {
		closeLibrary(library)
	}
	return library, address, err
}

// function returns the address of a function of a library.
func function(library uintptr, name string) (uintptr, error) { return purego.Dlsym(library, name) }

func closeLibrary(library uintptr) { _ = purego.Dlclose(library) } // the error that led here says more

// pathBytes returns a path as onnxruntime takes it: with a zero byte at its end.
func pathBytes(path string) ([]byte, error) { return cString(path) }
