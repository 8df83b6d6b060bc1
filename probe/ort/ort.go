// Package ort runs ONNX models with onnxruntime.
//
// onnxruntime is a shared library that is loaded at run time. [Load] finds one that
// the user has, or installs a pinned and verified one into a cache folder; [Engine]
// then makes [Session] values, which implement probe.Extractor. Loading happens once
// per process. Without cgo the package builds, and Load says why it cannot work.
//
// A model whose device is CUDA runs on CUDA or fails: nothing here falls back to the
// CPU by itself.
package ort

import (
	"fmt"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
)

// MinVersion is the oldest onnxruntime that the Go binding accepts: it asks for API
// 23, which 1.23.0 introduced.
const MinVersion = "1.23.0"

// Library is an onnxruntime shared library.
type Library struct {
	Path    string `json:"path"`
	Origin  string `json:"origin"`            // how it was found: "cache", "python", …
	Version string `json:"version,omitempty"` // known for certain once loaded
	CUDA    bool   `json:"cuda"`              // its CUDA provider lies beside it
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

// Options choose the library.
type Options struct {
	// Library is the path of the library to use; "" searches. One that was named
	// and does not load is an error, never a reason to try another.
	Library string
	// Search lists where to look, in order.
	Search []Place
	// CacheDir is where an installed library is kept; "" neither looks nor installs
	// there.
	CacheDir string
	// Install allows fetching a library into CacheDir if none is found.
	Install bool
	// Say, if not nil, is told in one line each what is being installed and why
	// a library that was found is passed over.
	Say func(line string)
	// CUDA asks for a library with a CUDA provider.
	CUDA bool
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

// ModelError reports a model that onnxruntime refuses or that has no fitting input
// or output.
type ModelError struct{ msg string }

func (e *ModelError) Error() string { return e.msg }

// Kind implements the kinds of package fault.
func (e *ModelError) Kind() fault.Kind { return fault.Input }

func modelErrorf(format string, args ...any) error {
	return &ModelError{fmt.Sprintf(format, args...)}
}
