//go:build amd64 || arm64

package ort

import (
	"encoding/binary"
	"fmt"
	"syscall"
)

// openLibrary loads a shared library, and returns the address of its function OrtGetApiBase.
func openLibrary(path string) (library, getBase uintptr, err error) {
	handle, err := syscall.LoadLibrary(path)
	if err != nil {
		return 0, 0, fmt.Errorf("%s: %w", path, err)
	}
	if getBase, err = syscall.GetProcAddress(handle, "OrtGetApiBase"); err != nil {
		closeLibrary(uintptr(handle))
	}
	return uintptr(handle), getBase, err
}

func closeLibrary(library uintptr) {
	_ = syscall.FreeLibrary(syscall.Handle(library)) // the error that led here says more
}

// pathBytes returns a path as onnxruntime takes it: in UTF-16, with a zero at its end.
func pathBytes(path string) ([]byte, error) {
	units, err := syscall.UTF16FromString(path)
	if err != nil {
		return nil, fmt.Errorf("%q contains a zero byte", path)
	}
	var data []byte
	for _, u := range units {
		data = binary.NativeEndian.AppendUint16(data, u)
	}
	return data, nil
}
