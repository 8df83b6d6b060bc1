//go:build !cgo

package ort

import (
	"context"

	"github.com/wiseft/wiseft/probe"
)

func noCgo() error {
	return &LibraryError{
		Reason: "this wiseft was built without cgo, which onnxruntime needs",
		Advice: "install a C compiler and build with CGO_ENABLED=1",
	}
}

// Load always fails: without cgo no shared library can be loaded.
func Load(context.Context, Options) (Library, error) { return Library{}, noCgo() }

// Engine makes sessions. Without cgo, Open always fails.
type Engine struct {
	Device  Device
	Threads int
}

// Open always fails.
func (Engine) Open(context.Context, []byte, string) (probe.Extractor, error) { return nil, noCgo() }

// Runtime implements probe.Engine.
func (e Engine) Runtime() string { return e.Platform() }

// Platform says that there is no onnxruntime.
func (Engine) Platform() string { return "none: built without cgo" }

// CheckCUDA always fails.
func CheckCUDA(context.Context) error { return noCgo() }

// Program is a model with any inputs. Without cgo there is none.
type Program struct{}

// OpenProgram always fails.
func (Engine) OpenProgram(context.Context, Source, []string, []string) (*Program, error) {
	return nil, noCgo()
}

// Run always fails.
func (*Program) Run(context.Context, []Array) ([]probe.Batch, error) { return nil, noCgo() }

// Close does nothing.
func (*Program) Close() error { return nil }

// Compute always fails.
func (*Program) Compute(context.Context, []*Value) ([]*Value, error) { return nil, noCgo() }

// Value is an array that onnxruntime holds. Without cgo there is none.
type Value struct {
	Type  ElementType
	Shape []int64
}

// NewValue always fails.
func NewValue(Array) (*Value, error) { return nil, noCgo() }

// SizeBytes returns 0.
func (*Value) SizeBytes() int64 { return 0 }

// Float32s always fails.
func (*Value) Float32s() ([]float32, error) { return nil, noCgo() }

// Int64s always fails.
func (*Value) Int64s() ([]int64, error) { return nil, noCgo() }

// Close does nothing.
func (*Value) Close() error { return nil }

// CloseValues does nothing.
func CloseValues([]*Value) error { return nil }
