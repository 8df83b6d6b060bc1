package ort

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/wiseft/wiseft/probe"
)

// Engine makes sessions on one device. Load must have succeeded before.
type Engine struct {
	Device  Device
	Threads int // of one forward pass on the CPU; 0 = one per core

	binding binding // nil for that of the loaded library
}

// Runtime describes the runtime in one line, as probe.Engine does.
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

// Open loads a model of which one output is computed: the one named tensor, of float32, float64, an integer type or bool; ""
// takes the only one. inputs are those that get values, as the model declares them, optional ones too; without any it must
// have one input, of float32. Errors about the model are [ModelError].
func (e Engine) Open(ctx context.Context, model Source, tensor string, inputs ...probe.Input) (probe.Extractor, error) {
	return e.session(ctx, model, inputs, func(s *Session) (runner, error) {
		return s.binding.choose(model, func(in, out []declared) ([]string, string, error) {
			if err := s.chooseInputs(in); err != nil {
				return nil, "", err
			}
			err := s.chooseOutput(out, tensor)
			return s.fed(), s.extracted.Name, err
		}, e.options())
	})
}

// OpenDeclared is [Engine.Open] for inputs and a float32 output that are known. onnxruntime_go then loads the model once, not
// twice.
func (e Engine) OpenDeclared(ctx context.Context, model Source, output probe.Output, inputs ...probe.Input) (probe.Extractor, error) {
	return e.session(ctx, model, inputs, func(s *Session) (runner, error) {
		if err := s.chooseInputs(nil); err != nil {
			return nil, err
		}
		s.extracted = output
		return s.binding.open(model, s.fed(), []string{output.Name}, e.options())
	})
}

// session returns a session whose model open loads.
func (e Engine) session(ctx context.Context, model Source, inputs []probe.Input, open func(s *Session) (runner, error),
) (probe.Extractor, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(model.Bytes) == 0 && model.Path == "" {
		return nil, modelErrorf("the model is empty")
	}
	b, err := e.bound()
	if err != nil {
		return nil, err
	}
	s := &Session{binding: b, inputs: inputs}
	if s.runner, err = open(s); err != nil {
		return nil, refused(err)
	}
	return s, nil
}

// fed returns the names of the inputs that get values.
func (s *Session) fed() (names []string) {
	for _, in := range s.inputs {
		names = append(names, in.Name)
	}
	return names
}

// chooseInputs takes the only input, unless inputs were given, which then have types that a pass takes.
func (s *Session) chooseInputs(list []declared) error {
	if len(s.inputs) > 0 {
		for _, in := range s.inputs {
			if t := in.Type; t != 0 && !t.Holds() {
				return modelErrorf("input %q is %s, which is not supported", in.Name, t)
			}
		}
		return nil
	}
	if len(list) != 1 {
		return modelErrorf("the model has %d inputs (%s), and values for one", len(list), names(list))
	}
	in := list[0]
	if in.dtype != Float32 {
		return modelErrorf("input %q is %s, and its values are float32", in.name, in.dtype)
	}
	if len(in.shape) == 0 {
		return modelErrorf("input %q has no batch axis", in.name)
	}
	s.inputs = []probe.Input{{Name: in.name, Shape: in.shape}}
	return nil
}

// chooseOutput takes the output that is named, or the only one.
func (s *Session) chooseOutput(list []declared, name string) error {
	if name == "" && len(list) != 1 {
		return modelErrorf("the model has %d outputs (%s); choose one with --output", len(list), names(list))
	}
	at := slices.IndexFunc(list, func(o declared) bool { return o.name == name || name == "" })
	if at < 0 {
		return modelErrorf("the model has no output %q; it has %s", name, names(list))
	}
	s.extracted = probe.Output{Name: list[at].name, Declared: list[at].shape}
	for i, o := range list {
		if i != at {
			s.extracted.Beside = append(s.extracted.Beside, probe.Output{Name: o.name, Declared: o.shape})
		}
	}
	return checkOutput(list[at])
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
	inputs  []probe.Input

	extracted probe.Output
	took      time.Duration // the latest pass

	// The output of the latest shape is kept: onnxruntime then writes into it instead of allocating and copying for
	// every batch.
	shape  []int64 // of the inputs, one after the other
	output tensor
}

// Inputs implements probe.Extractor.
func (s *Session) Inputs() []probe.Input { return s.inputs }

// Output implements probe.Extractor.
func (s *Session) Output() probe.Output { return s.extracted }

// Extract implements probe.Extractor.
func (s *Session) Extract(ctx context.Context, dst []float32, b probe.Batch) (_ []float32, err error) {
	if err := ctx.Err(); err != nil {
		return dst, err
	}
	if s.runner == nil {
		return dst, errClosed
	}
	in, shape, err := s.tensors(b)
	defer func() {
		for _, t := range in {
			_ = t.close() // it never fails
		}
	}()
	if err != nil {
		return dst, err
	}
	defer terminateWith(ctx, s.runner)()
	outputs := []tensor{nil}
	if slices.Equal(shape, s.shape) && s.isAsDeclared() {
		outputs[0] = s.output
	}
	if err := s.pass(in, outputs); err != nil {
		if ctx.Err() != nil {
			return dst, ctx.Err()
		}
		return dst, modelErrorf("onnxruntime on input %v: %w", shapes(b), err)
	}
	if out := outputs[0]; out.elementType() != Float32 {
		defer out.close()
		s.extracted.Shape = out.dims()
		return appendConverted(dst, out, s.extracted.Name)
	}
	s.keep(shape, outputs[0])
	return append(dst, elementsOf[float32](s.output.bytes())...), nil
}

// pass runs the model.
func (s *Session) pass(in, outputs []tensor) error {
	// To Go's monitor thread, a goroutine that makes one long call to C after another without being scheduled looks
	// stuck; it then wakes 2,000 times a second, and takes a core from onnxruntime's threads each time: 3 % of the
	// passes of a small model on two cores.
	runtime.Gosched()
	defer quietMonitor(s.took)()
	start := time.Now()
	err := s.runner.run(in, outputs)
	s.took = time.Since(start)
	return err
}

// tensors returns the values of a batch as onnxruntime takes them, to be closed also after an error, and their shapes, one
// after the other.
func (s *Session) tensors(b probe.Batch) (list []tensor, shape []int64, err error) {
	arrays := b.Arrays
	if arrays == nil {
		size, err := elements(b.Shape)
		if err != nil {
			return nil, nil, err
		}
		if size != int64(len(b.X)) {
			return nil, nil, fmt.Errorf("ort: a batch of shape %v has %d values", b.Shape, len(b.X))
		}
		t, err := s.binding.tensor(Array{Type: Float32, Shape: b.Shape, Data: float32Bytes(b.X)})
		if err != nil {
			return nil, nil, err
		}
		return []tensor{t}, b.Shape, nil
	}
	if len(arrays) != len(s.inputs) {
		return nil, nil, fmt.Errorf("ort: a batch has %d arrays for %d inputs", len(arrays), len(s.inputs))
	}
	for i, a := range arrays {
		if err := checkArray(a); err != nil {
			return list, nil, fmt.Errorf("input %q: %w", s.inputs[i].Name, err)
		}
		t, err := s.binding.tensor(a)
		if err != nil {
			return list, nil, fmt.Errorf("input %q: %w", s.inputs[i].Name, err)
		}
		list, shape = append(list, t), append(append(shape, int64(len(a.Shape))), a.Shape...)
	}
	return list, shape, nil
}

// shapes describes the shapes of a batch.
func shapes(b probe.Batch) string {
	if b.Arrays == nil {
		return fmt.Sprint(b.Shape)
	}
	var list []string
	for _, a := range b.Arrays {
		list = append(list, fmt.Sprint(a.Shape))
	}
	return strings.Join(list, ", ")
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

// keep keeps the output for the next batch of the same shapes.
func (s *Session) keep(shape []int64, out tensor) {
	if out == s.output {
		return
	}
	s.release()
	s.output, s.shape, s.extracted.Shape = out, slices.Clone(shape), out.dims()
}

// isAsDeclared reports whether the output has the shape that the model declares. onnxruntime takes no other as an output that
// is given, although it makes others.
func (s *Session) isAsDeclared() bool {
	declared, made := s.extracted.Declared, s.extracted.Shape
	if declared == nil {
		return true
	}
	return slices.EqualFunc(declared, made, func(d, n int64) bool { return d < 0 || d == n })
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
