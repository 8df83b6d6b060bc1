//go:build (darwin || linux || windows) && (amd64 || arm64)

package ort

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unsafe"

	"github.com/ebitengine/purego"
)

func init() { bindings[namePurego] = &bindingPurego{} }

// entry is a position in OrtApi, onnxruntime's table of function pointers. The table only grows at its end, so that a
// function has the same position in all versions that have it.
type entry int

// oldestAPI is the oldest version of the API that is accepted: that of onnxruntime 1.17, with which the tests pass.
const oldestAPI = 17

// bindingPurego calls the functions of OrtApi by their addresses, without cgo.
//
// Objects of onnxruntime are addresses of C memory, kept as uintptr. A pointer to Go memory becomes a uintptr only in
// the argument list of call, which keeps the memory alive and in place until the function returns. The data of tensors,
// to which onnxruntime refers for longer, is pinned until they are closed.
type bindingPurego struct {
	api       *[entries]uintptr // as long as the library's version of the table
	env       uintptr           // OrtEnv
	memory    uintptr           // OrtMemoryInfo of the CPU
	allocator uintptr           // OrtAllocator of the strings that the library returns
}

// call calls a function of the API that returns a status, which becomes the error.
//
//go:uintptrescapes
func (b *bindingPurego) call(e entry, args ...uintptr) error {
	status, _, _ := purego.SyscallN(b.api[e], args...)
	if status == 0 {
		return nil
	}
	text, _, _ := purego.SyscallN(b.api[apiGetErrorMessage], status)
	err := errors.New(strings.TrimSpace(goString(text)))
	b.release(apiReleaseStatus, status)
	return err
}

// release calls a function of the API that releases an object, if there is one.
func (b *bindingPurego) release(e entry, object uintptr) {
	if object != 0 {
		purego.SyscallN(b.api[e], object)
	}
}

// load implements binding. A library that fails is unloaded.
func (b *bindingPurego) load(path string) (version string, err error) {
	library, getBase, err := openLibrary(path, "OrtGetApiBase")
	if err != nil {
		return "", err
	}
	if version, err = b.start(getBase); err != nil {
		if b.api != nil {
			b.release(apiReleaseEnv, b.env)
		}
		*b = bindingPurego{}
		closeLibrary(library)
		return "", err
	}
	return version, nil
}

// start gets the functions of the newest API that both sides know. getBase is the address of OrtGetApiBase, the only
// symbol of the library that is used.
func (b *bindingPurego) start(getBase uintptr) (version string, err error) {
	address, _, _ := purego.SyscallN(getBase)
	if address == 0 {
		return "", errors.New("OrtGetApiBase returns nothing")
	}
	base := (*struct{ getAPI, getVersionString uintptr })(pointer(address)) // OrtApiBase
	text, _, _ := purego.SyscallN(base.getVersionString)
	version = goString(text)
	number, err := negotiate(version)
	if err != nil {
		return "", err
	}
	table, _, _ := purego.SyscallN(base.getAPI, uintptr(number))
	if table == 0 {
		return "", fmt.Errorf("onnxruntime %s does not have version %d of its API", version, number)
	}
	b.api = (*[entries]uintptr)(pointer(table))
	const errorsOnly = 3 // ORT_LOGGING_LEVEL_ERROR
	name := []byte("wiseft\x00")
	err = b.call(apiCreateEnv, errorsOnly, uintptr(unsafe.Pointer(&name[0])), uintptr(unsafe.Pointer(&b.env)))
	if err == nil {
		const arena, ordinary = 1, 0 // OrtArenaAllocator, OrtMemTypeDefault
		err = b.call(apiCreateCpuMemoryInfo, arena, ordinary, uintptr(unsafe.Pointer(&b.memory)))
	}
	if err == nil {
		err = b.call(apiGetAllocatorWithDefaultOptions, uintptr(unsafe.Pointer(&b.allocator)))
	}
	return version, err
}

// negotiate returns the version of the API to ask a library for. Version 1.N of onnxruntime has versions 1 to N of its
// API; a request for another prints a line on standard error.
func negotiate(version string) (int, error) {
	major, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	n, err := strconv.Atoi(minor)
	if major != "1" || err != nil {
		return 0, fmt.Errorf("its version is %q, not 1.N", version)
	}
	if n < oldestAPI {
		return 0, fmt.Errorf("onnxruntime %s is older than 1.%d", version, oldestAPI)
	}
	return min(n, apiVersion), nil
}

// pointer returns an address of C memory as a pointer.
func pointer(address uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&address)) }

// goString copies a string that ends with a zero byte.
func goString(address uintptr) string {
	if address == 0 {
		return ""
	}
	start := (*byte)(pointer(address))
	n := 0
	for *(*byte)(unsafe.Add(unsafe.Pointer(start), n)) != 0 {
		n++
	}
	return string(unsafe.Slice(start, n))
}

// cString returns text with a zero byte at its end.
func cString(text string) ([]byte, error) {
	if strings.IndexByte(text, 0) >= 0 {
		return nil, fmt.Errorf("%q contains a zero byte", text)
	}
	return append([]byte(text), 0), nil
}
