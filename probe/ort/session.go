package ort

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/probe"
)

// Engine makes sessions on one device. Load must have succeeded before.
type Engine struct {
	Device  Device
	Threads int // of one forward pass on the CPU; 0 = one per core

	binding binding // nil for that of the loaded library
}

var _ probe.Engine = Engine{}

// Runtime implements probe.Engine.
func (e Engine) Runtime() string { return fmt.Sprintf("%s, %d threads", e.Platform(), e.threads()) }

// Platform returns the version of onnxruntime and the device.
func (e Engine) Platform() string {
	_, version, err := current()
	if err != nil {
		version = "not loaded"
	}
	return fmt.Sprintf("onnxruntime %s, %s", version, e.Device)
}

func (e Engine) threads() int {
	if e.Threads > 0 {
		return e.Threads
	}
	return runtime.NumCPU()
}

func (e Engine) options() sessionOptions {
	return sessionOptions{threads: e.threads(), device: e.Device}
}

// bound returns the binding that the engine uses.
func (e Engine) bound() (binding, error) {
	if e.binding != nil {
		return e.binding, nil
	}
	b, _, err := current()
	return b, err
}

// Open implements probe.Engine. The model must have one float32 input and an output named tensor, of float32, float64, an
// integer type or bool; errors about the model are [ModelError].
func (e Engine) Open(ctx context.Context, model []byte, tensor string) (probe.Extractor, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(model) == 0 {
		return nil, modelErrorf("the model is empty")
	}
	b, err := e.bound()
	if err != nil {
		return nil, err
	}
	s := &Session{binding: b}
	s.runner, err = b.choose(model, func(inputs, outputs []declared) (string, string, error) {
		in, out, err := choose(inputs, outputs, tensor)
		s.input, s.extracted = probe.Input{Name: in.name, Shape: in.shape}, probe.Output{Name: out.name, Declared: out.shape}
		for _, o := range outputs {
			if o.name != out.name {
				s.extracted.Beside = append(s.extracted.Beside, probe.Output{Name: o.name, Declared: o.shape})
			}
		}
		return in.name, out.name, err
	}, e.options())
	if err != nil {
		return nil, refused(err)
	}
	return s, nil
}

// choose returns the input and the output to use, or an error if the model cannot be run.
func choose(inputs, outputs []declared, tensor string) (in, out declared, err error) {
	if len(inputs) != 1 {
		return in, out, modelErrorf("the model has %d inputs (%s); one is supported", len(inputs), names(inputs))
	}
	in = inputs[0]
	if in.dtype != Float32 {
		return in, out, modelErrorf("input %q is %s; float32 is supported", in.name, in.dtype)
	}
	if len(in.shape) == 0 {
		return in, out, modelErrorf("input %q has no batch axis", in.name)
	}
	if tensor == "" && len(outputs) != 1 {
		return in, out, modelErrorf("the model has %d outputs (%s); choose one with --output", len(outputs), names(outputs))
	}
	for _, o := range outputs {
		if o.name != tensor && tensor != "" {
			continue
		}
		return in, o, checkOutput(o)
	}
	return in, out, modelErrorf("the model has no output %q; it has %s", tensor, names(outputs))
}

func names(list []declared) string {
	var text []string
	for _, d := range list {
		text = append(text, d.name)
	}
	return strings.Join(text, ", ")
}

// Session is a model in onnxruntime. It implements probe.Extractor.
type Session struct {
	binding binding
	runner  runner // nil after Close
	input   probe.Input

	extracted probe.Output

	// The output of the latest shape is kept: onnxruntime then writes into it instead of allocating and copying for
	// every batch.
	shape  []int64
	output tensor
}

// Input implements probe.Extractor.
func (s *Session) Input() probe.Input { return s.input }

// Output implements probe.Extractor.
func (s *Session) Output() probe.Output { return s.extracted }

// Extract implements probe.Extractor.
func (s *Session) Extract(ctx context.Context, dst []float32, b probe.Batch) ([]float32, error) {
	if err := ctx.Err(); err != nil {
		return dst, err
	}
	size, err := elements(b.Shape)
	if err != nil {
		return dst, err
	}
	if size != int64(len(b.X)) {
		return dst, fmt.Errorf("ort: a batch of shape %v has %d values", b.Shape, len(b.X))
	}
	if s.runner == nil {
		return dst, errClosed
	}
	in, err := s.binding.tensor(Array{Type: Float32, Shape: b.Shape, Data: float32Bytes(b.X)})
	if err != nil {
		return dst, err
	}
	defer in.close()
	defer terminateWith(ctx, s.runner)()
	outputs := []tensor{nil}
	if slices.Equal(b.Shape, s.shape) {
		outputs[0] = s.output
	}
	// To Go's monitor thread, a goroutine that makes one long call to C after another without being scheduled looks
	// stuck; it then wakes 2,000 times a second, and takes a core from onnxruntime's threads each time: 3 % of the
	// passes of a small model on two cores.
	runtime.Gosched()
	if err := s.runner.run([]tensor{in}, outputs); err != nil {
		if ctx.Err() != nil {
			return dst, ctx.Err()
		}
		return dst, modelErrorf("onnxruntime on input %v: %w", b.Shape, err)
	}
	if out := outputs[0]; out.elementType() != Float32 {
		defer out.close()
		if err := s.setShape(out.dims(), b.Shape[0]); err != nil {
			return dst, err
		}
		return appendConverted(dst, out, s.extracted.Name)
	}
	if err := s.keep(b.Shape, outputs[0]); err != nil {
		return dst, err
	}
	return append(dst, elementsOf[float32](s.output.bytes())...), nil
}

// terminateWith terminates the forward pass when ctx ends, until the returned function is called.
func terminateWith(ctx context.Context, r runner) (stop func()) {
	done := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		r.terminate() // the pass reports that it was terminated
		close(done)
	})
	return func() {
		if !cancel() {
			<-done
			r.resume()
		}
	}
}

// errClosed reports the use of a model after its Close.
var errClosed = errors.New("ort: the model is closed")

// keep keeps the output for the next batch of the same shape.
func (s *Session) keep(shape []int64, out tensor) error {
	if out == s.output {
		return nil
	}
	s.release()
	s.output, s.shape = out, slices.Clone(shape)
	return s.setShape(out.dims(), shape[0])
}

// setShape sets the shape of the output, whose first axis must be the batch.
func (s *Session) setShape(got []int64, batch int64) error {
	s.extracted.Shape = got
	if len(got) == 0 || got[0] != batch {
		return modelErrorf("the output has shape %v for a batch of %d: %w", got, batch, probe.ErrBatchAxis)
	}
	return nil
}

func (s *Session) release() {
	if s.output != nil {
		_ = s.output.close() // it never fails
		s.output, s.shape = nil, nil
	}
}

// Close implements probe.Extractor.
func (s *Session) Close() error {
	s.release()
	if s.runner == nil {
		return nil
	}
	err := s.runner.close()
	s.runner = nil
	return err
}

// CheckCUDA returns an error if no model can run on the first GPU. Load must have succeeded before.
func CheckCUDA(ctx context.Context) error { return Engine{Device: Device{CUDA: true}}.Check(ctx) }

// Check returns an error if no model can run on the engine's device. Load must have succeeded before.
func (e Engine) Check(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b, _, err := current()
	if err != nil {
		return err
	}
	return b.check(e.options())
}
