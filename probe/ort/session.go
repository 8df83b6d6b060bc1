//go:build cgo

package ort

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/probe"
	onnxruntime "github.com/yalue/onnxruntime_go"
)

// Engine makes sessions on one device. Load must have succeeded before.
type Engine struct {
	Device  Device
	Threads int // of one forward pass on the CPU; 0 = one per core
}

var _ probe.Engine = Engine{}

// Runtime implements probe.Engine.
func (e Engine) Runtime() string { return fmt.Sprintf("%s, %d threads", e.Platform(), e.threads()) }

// Platform returns the version of onnxruntime and the device.
func (e Engine) Platform() string {
	return fmt.Sprintf("onnxruntime %s, %s", onnxruntime.GetVersion(), e.Device)
}

func (e Engine) threads() int {
	if e.Threads > 0 {
		return e.Threads
	}
	return runtime.NumCPU()
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
	inputs, outputs, err := onnxruntime.GetInputOutputInfoWithONNXData(model)
	if err != nil {
		return nil, modelErrorf("onnxruntime refuses the model: %v", err)
	}
	in, out, err := choose(inputs, outputs, tensor)
	if err != nil {
		return nil, err
	}
	options, err := e.options()
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	s := &Session{input: probe.Input{Name: in.Name, Shape: slices.Clone(in.Dimensions)},
		extracted: probe.Output{Name: out.Name, Declared: slices.Clone(out.Dimensions)}}
	for _, o := range outputs {
		if o.Name != out.Name {
			s.extracted.Beside = append(s.extracted.Beside, probe.Output{Name: o.Name, Declared: slices.Clone(o.Dimensions)})
		}
	}
	if s.run, err = onnxruntime.NewRunOptions(); err != nil {
		return nil, err
	}
	s.session, err = onnxruntime.NewDynamicAdvancedSessionWithONNXData(model, []string{in.Name}, []string{out.Name},
		options)
	if err != nil {
		return nil, errors.Join(modelErrorf("onnxruntime refuses the model: %v", err), s.run.Destroy())
	}
	return s, nil
}

func (e Engine) options() (*onnxruntime.SessionOptions, error) {
	options, err := onnxruntime.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	err = options.SetIntraOpNumThreads(e.threads())
	if err == nil { // what onnxruntime refuses is in the error, and needs no line of its own on standard error
		err = options.SetLogSeverityLevel(onnxruntime.LoggingLevelFatal)
	}
	if err == nil && e.Device.CUDA {
		err = e.useCUDA(options)
	}
	if err != nil {
		return nil, errors.Join(err, options.Destroy())
	}
	return options, nil
}

// useCUDA adds the CUDA provider. The convolution search is heuristic, because the default measures all algorithms
// again for every point count; TF32 is off, so that features agree with the CPU's to float32.
func (e Engine) useCUDA(options *onnxruntime.SessionOptions) error {
	cuda, err := onnxruntime.NewCUDAProviderOptions()
	if err != nil {
		return &LibraryError{Reason: "no CUDA: " + err.Error(), Advice: Options{CUDA: true}.advice()}
	}
	defer cuda.Destroy()
	err = cuda.Update(map[string]string{
		"device_id":              fmt.Sprint(e.Device.Index),
		"cudnn_conv_algo_search": "HEURISTIC",
		"use_tf32":               "0",
	})
	if err == nil {
		err = options.AppendExecutionProviderCUDA(cuda)
	}
	if err != nil {
		return &LibraryError{Reason: fmt.Sprintf("device %s: %s", e.Device, cause(err)), Advice: CUDAHint}
	}
	return nil
}

// cause removes the source locations that onnxruntime puts in front of an error.
func cause(err error) string {
	parts := strings.Split(err.Error(), " : FAIL : ")
	return parts[len(parts)-1]
}

// choose returns the input and the output to use, or an error if the model cannot be run.
func choose(inputs, outputs []onnxruntime.InputOutputInfo, tensor string) (in, out onnxruntime.InputOutputInfo,
	err error) {
	if len(inputs) != 1 {
		return in, out, modelErrorf("the model has %d inputs (%s); one is supported", len(inputs), names(inputs))
	}
	in = inputs[0]
	if in.DataType != onnxruntime.TensorElementDataTypeFloat {
		return in, out, modelErrorf("input %q is %s; float32 is supported", in.Name, dtype(in.DataType))
	}
	if len(in.Dimensions) == 0 {
		return in, out, modelErrorf("input %q has no batch axis", in.Name)
	}
	if tensor == "" && len(outputs) != 1 {
		return in, out, modelErrorf("the model has %d outputs (%s); choose one with --output", len(outputs), names(outputs))
	}
	for _, o := range outputs {
		if o.Name != tensor && tensor != "" {
			continue
		}
		return in, o, checkOutput(o)
	}
	return in, out, modelErrorf("the model has no output %q; it has %s", tensor, names(outputs))
}

// dtype returns the name of an element type as in ONNX files.
func dtype(t onnxruntime.TensorElementDataType) string {
	return strings.ToLower(strings.TrimPrefix(t.String(), "ONNX_TENSOR_ELEMENT_DATA_TYPE_"))
}

func names(infos []onnxruntime.InputOutputInfo) string {
	var list []string
	for _, info := range infos {
		list = append(list, info.Name)
	}
	return strings.Join(list, ", ")
}

// Session is a model in onnxruntime. It implements probe.Extractor.
type Session struct {
	session *onnxruntime.DynamicAdvancedSession
	run     *onnxruntime.RunOptions
	input   probe.Input

	extracted probe.Output

	// The output of the latest shape is kept: onnxruntime then writes into it instead of allocating and copying for
	// every batch.
	shape  []int64
	output *onnxruntime.Tensor[float32]
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
	in, err := onnxruntime.NewTensor(b.Shape, b.X)
	if err != nil {
		return dst, err
	}
	defer in.Destroy()
	defer terminateWith(ctx, s.run)()
	outputs := []onnxruntime.Value{nil}
	if slices.Equal(b.Shape, s.shape) {
		outputs[0] = s.output
	}
	// To Go's monitor thread, a goroutine that makes one long call to C after another without being scheduled looks
	// stuck; it then wakes 2,000 times a second, and takes a core from onnxruntime's threads each time: 3 % of the
	// passes of a small model on two cores.
	runtime.Gosched()
	if err := s.session.RunWithOptions([]onnxruntime.Value{in}, outputs, s.run); err != nil {
		if ctx.Err() != nil {
			return dst, ctx.Err()
		}
		return dst, modelErrorf("onnxruntime on input %v: %v", b.Shape, err)
	}
	if x, ok := outputs[0].(*onnxruntime.Tensor[float32]); ok {
		if err := s.keep(b.Shape, x); err != nil {
			return dst, err
		}
		return append(dst, s.output.GetData()...), nil
	}
	defer outputs[0].Destroy()
	if err := s.setShape(outputs[0].GetShape(), b.Shape[0]); err != nil {
		return dst, err
	}
	return appendConverted(dst, outputs[0], s.extracted.Name)
}

// terminateWith terminates the forward pass when ctx ends, until the returned function is called.
func terminateWith(ctx context.Context, run *onnxruntime.RunOptions) (stop func()) {
	done := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		_ = run.Terminate() // the pass reports that it was terminated
		close(done)
	})
	return func() {
		if !cancel() {
			<-done
			_ = run.UnsetTerminate()
		}
	}
}

// keep keeps the output for the next batch of the same shape.
func (s *Session) keep(shape []int64, out *onnxruntime.Tensor[float32]) error {
	if out == s.output {
		return nil
	}
	s.release()
	s.output, s.shape = out, slices.Clone(shape)
	return s.setShape(out.GetShape(), shape[0])
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
		_ = s.output.Destroy() // it never fails
		s.output, s.shape = nil, nil
	}
}

// Close implements probe.Extractor.
func (s *Session) Close() error {
	s.release()
	if s.session == nil {
		return nil
	}
	err := errors.Join(s.session.Destroy(), s.run.Destroy())
	s.session = nil
	return err
}

// CheckCUDA returns an error if no model can run on the GPU. Load must have succeeded before.
func CheckCUDA(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	options, err := Engine{Device: Device{CUDA: true}}.options()
	if err != nil {
		return err
	}
	return options.Destroy()
}
