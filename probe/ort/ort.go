// Package ort runs ONNX models with onnxruntime.
//
// onnxruntime is a shared library that is loaded at run time. [Load] finds an installed one, or installs a pinned and
// verified one into a cache folder: from a Go module, whose client is there where wiseft was built, then by pip,
// whose wheels have the same version, then by npm, whose package is the largest. [Engine] then makes [Session]
// values, which implement probe.Extractor. A process loads one library.
//
// The library is called by one of two bindings. A build with cgo uses onnxruntime_go, whose version v1.25.0 needs
// onnxruntime 1.23; later ones would not accept the Go module's library 1.23.2. A build without cgo, which Go chooses
// where it finds no C compiler, calls the library's functions by their addresses with purego, on Linux, macOS and Windows,
// amd64 and arm64. It takes a library from 1.17 on if one is named; the search has the same minimum with both, so that
// they find the same library. A build with cgo contains both, and [Options].Binding chooses. Values, errors and memory of
// both are compared by the tests. onnxruntime_go cannot return an output without axes; a first pass that finds one is run
// again, and writes the number into a value of the declared type.
//
// Passes take the same time with both (BenchmarkBindings: 0.99 for the demo's model, 1.02 for a single node, of 10 to
// 20 µs). Opening a session takes a third of the time without cgo, because onnxruntime_go loads a model twice to read what
// it declares; [Engine.OpenDeclared] needs no declarations.
//
// A model whose device is CUDA runs on CUDA or fails; it is never run on the CPU instead. TF32 is off, and the
// convolution search is the heuristic one: the default measures all algorithms again for each of ModelNet-C's 21
// point counts.
//
// Threads of a session spin between passes, which is onnxruntime's default and 2 to 4 % faster than to stop. Sessions
// should therefore not take turns: eight that did ran at 40 % of the speed.
package ort

import (
	"errors"
	"fmt"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
)

// MinVersion is the oldest onnxruntime that is taken when it is found: onnxruntime_go requests API 23, which 1.23.0
// introduced.
const MinVersion = "1.23.0"

// Library is an onnxruntime shared library.
type Library struct {
	Path    string `json:"path"`
	Origin  string `json:"origin"`            // how it was found: "cache", "python", …
	Version string `json:"version,omitempty"` // known for certain once loaded
	CUDA    bool   `json:"cuda"`              // a CUDA provider lies beside it
	Binding string `json:"binding,omitempty"` // what loaded it: "cgo" or "purego"
}

// Device is where a model runs.
type Device struct {
	CUDA  bool
	Index int // of the GPU
}

// ParseDevice reads "cpu", "cuda" or "cuda:1". "" is the CPU.
func ParseDevice(text string) (Device, error) {
	if text == "" || text == "cpu" {
		return Device{}, nil
	}
	name, index, numbered := strings.Cut(text, ":")
	d := Device{CUDA: true}
	if name == "cuda" {
		if !numbered {
			return d, nil
		}
		if n, err := fmt.Sscanf(index, "%d", &d.Index); n == 1 && err == nil && d.Index >= 0 && fmt.Sprint(d.Index) == index {
			return d, nil
		}
	}
	return Device{}, fault.Usagef("device %q is not one of cpu, cuda, cuda:1", text)
}

// String returns the device as ParseDevice reads it.
func (d Device) String() string {
	switch {
	case !d.CUDA:
		return "cpu"
	case d.Index == 0:
		return "cuda"
	}
	return fmt.Sprintf("cuda:%d", d.Index)
}

// Options selects the library that is loaded.
type Options struct {
	// Library is the path of the library; "" = search. If a named library does not load, no other is tried.
	Library string
	// Search lists the places to search, in order.
	Search []Place
	// CacheDir is the folder of installed libraries; "" = none.
	CacheDir string
	// Install allows installing a library into CacheDir if none is found.
	Install bool
	// Say, if not nil, is called with one line for each installation and each library that is passed over.
	Say func(line string)
	// CUDA requires a library with a CUDA provider.
	CUDA bool
	// WithoutGPU installs a library for CUDA also on a machine that has no GPU, such as one that builds images.
	WithoutGPU bool
	// Binding is how the library is called: "cgo" or "purego"; "" = cgo where the build has it.
	Binding string
}

// LibraryError reports that there is no usable library. Its kind is Failed.
type LibraryError struct {
	Reason string
	Tried  []string // one line for each library that was found and cannot be used
	Advice string   // how to get a usable one
}

// Hint returns e.Advice.
func (e *LibraryError) Hint() string { return e.Advice }

func (e *LibraryError) Error() string {
	text := "onnxruntime: " + e.Reason
	for _, line := range e.Tried {
		text += "\n  " + line
	}
	return text
}

// ModelError reports a model that onnxruntime does not accept or that lacks a usable input or output.
type ModelError struct {
	msg string
	err error // what msg wraps; nil if nothing
}

func (e *ModelError) Error() string { return e.msg }

// Kind implements the kinds of package fault.
func (e *ModelError) Kind() fault.Kind { return fault.Input }

// Unwrap returns what the error was made from; nil if from nothing.
func (e *ModelError) Unwrap() error { return e.err }

func modelErrorf(format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &ModelError{err.Error(), errors.Unwrap(err)}
}
