//go:build (darwin || linux || windows) && (amd64 || arm64)

package ort

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
)

// countGPUs returns how many GPUs the NVIDIA driver finds. It is replaced in tests.
var countGPUs = func() (int, error) {
	path := "libcuda.so.1"
	if runtime.GOOS == "windows" {
		path = filepath.Join(os.Getenv("SystemRoot"), "System32", "nvcuda.dll")
	}
	library, start, err := openLibrary(path, "cuInit")
	if err != nil {
		return 0, fmt.Errorf("there is no NVIDIA driver: %w", err)
	}
	count, err := function(library, "cuDeviceGetCount")
	if err != nil {
		return 0, err
	}
	const noDevice = 100 // CUDA_ERROR_NO_DEVICE
	if code, _, _ := purego.SyscallN(start, 0); uint32(code) == noDevice {
		return 0, nil
	} else if uint32(code) != 0 {
		return 0, fmt.Errorf("the NVIDIA driver does not start: error %d of cuInit", uint32(code))
	}
	var n int32
	if code, _, _ := purego.SyscallN(count, uintptr(unsafe.Pointer(&n))); uint32(code) != 0 {
		return 0, fmt.Errorf("the NVIDIA driver counts no GPUs: error %d of cuDeviceGetCount", uint32(code))
	}
	return int(n), nil
}
