//go:build amd64 || arm64

package ort

import (
	"encoding/binary"
	"fmt"
	"syscall"
)

// openLibrary loads a shared library, and returns the address of one of its functions.
func openLibrary(path, function string) (library, address uintptr, err error) {
	handle, err := syscall.LoadLibrary(path)
	if err != nil {
		return 0, 0, fmt.Errorf("%s: %w", path, err)
	}
	if address, err = syscall.GetProcAddress(handle, function); err != nil {
		closeLibrary(uintptr(handle))
	}
	return uintptr(handle), address, err
}

// function returns the address of a function of a library.
func function(library uintptr, name string) (uintptr, error) {
	return syscall.GetProcAddress(syscall.Handle(library), name)
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
