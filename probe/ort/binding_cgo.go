//go:build cgo

package ort

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	onnxruntime "github.com/yalue/onnxruntime_go"
)

func init() { bindings[nameCgo] = bindingCgo{} }

// bindingCgo is onnxruntime_go. What it loads belongs to the process.
type bindingCgo struct{}

func (bindingCgo) load(path string) (version string, err error) {
	onnxruntime.SetSharedLibraryPath(path)
	if err := onnxruntime.InitializeEnvironment(onnxruntime.WithLogLevelError()); err != nil {
		return "", fmt.Errorf("onnxruntime %s or newer is needed: %w", MinVersion, err)
	}
	return onnxruntime.GetVersion(), nil
}

func (b bindingCgo) open(model Source, inputs, outputs []string, opt sessionOptions) (runner, error) {
	options, err := b.options(opt)
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	return newRunnerCgo(model, inputs, outputs, options)
}

// choose loads the model twice: onnxruntime_go makes a session of its own to read the declarations.
func (b bindingCgo) choose(model Source, pick picker, opt sessionOptions) (runner, error) {
	options, err := b.options(opt)
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	inputs, outputs, err := declarations(model)
	if err != nil {
		return nil, innermost(err)
	}
	in, out, err := pick(declaredBy(inputs), declaredBy(outputs))
	if err != nil {
		return nil, err
	}
	return newRunnerCgo(model, in, []string{out}, options)
}

// declarations returns the inputs and outputs that a model declares.
func declarations(model Source) (inputs, outputs []onnxruntime.InputOutputInfo, err error) {
	if model.Bytes != nil {
		return onnxruntime.GetInputOutputInfoWithONNXData(model.Bytes)
	}
	return onnxruntime.GetInputOutputInfo(model.Path)
}

func declaredBy(infos []onnxruntime.InputOutputInfo) []declared {
	list := make([]declared, len(infos))
	for i, info := range infos {
		list[i] = declared{name: info.Name, dtype: ElementType(info.DataType), shape: info.Dimensions}
	}
	return list
}

func (b bindingCgo) check(opt sessionOptions) error {
	options, err := b.options(opt)
	if err != nil {
		return err
	}
	return options.Destroy()
}

func (bindingCgo) options(opt sessionOptions) (*onnxruntime.SessionOptions, error) {
	options, err := onnxruntime.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	err = options.SetIntraOpNumThreads(opt.threads)
	if err == nil {
		err = options.SetLogSeverityLevel(logFatal)
	}
	if err == nil && opt.device.CUDA {
		err = appendCUDA(options, opt.device)
	}
	if err != nil {
		return nil, errors.Join(err, options.Destroy())
	}
	return options, nil
}

func appendCUDA(options *onnxruntime.SessionOptions, d Device) error {
	cuda, err := onnxruntime.NewCUDAProviderOptions()
	if err != nil {
		return cudaMissing(err)
	}
	defer cuda.Destroy()
	err = cuda.Update(cudaSettings(d))
	if err == nil {
		err = options.AppendExecutionProviderCUDA(cuda)
	}
	if err != nil {
		return cudaFails(d, err)
	}
	return nil
}

// innermost returns what onnxruntime itself says, without what onnxruntime_go puts in front of it.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// runnerCgo implements runner.
type runnerCgo struct {
	session *onnxruntime.DynamicAdvancedSession
	options *onnxruntime.RunOptions
	outputs []string      // names
	single  []ElementType // of the outputs that are single numbers; 0 = it is none
	model   Source        // until a pass has succeeded
}

func newRunnerCgo(model Source, inputs, outputs []string, options *onnxruntime.SessionOptions) (runner, error) {
	run, err := onnxruntime.NewRunOptions()
	if err != nil {
		return nil, err
	}
	var session *onnxruntime.DynamicAdvancedSession
	if model.Bytes != nil {
		session, err = onnxruntime.NewDynamicAdvancedSessionWithONNXData(model.Bytes, inputs, outputs, options)
	} else {
		session, err = onnxruntime.NewDynamicAdvancedSession(model.Path, inputs, outputs, options)
	}
	if err != nil {
		_ = run.Destroy() // it never fails
		return nil, innermost(err)
	}
	return &runnerCgo{session: session, options: run, outputs: outputs, single: make([]ElementType, len(outputs)), model: model}, nil
}

// run passes again for each output that the first pass finds to be a single number: onnxruntime_go cannot return one,
// but it can be written into a value of its type.
func (r *runnerCgo) run(inputs, outputs []tensor) error {
	err := r.pass(inputs, outputs)
	for {
		single, ok := errors.AsType[*singleNumberError](err)
		if !ok {
			break
		}
		if r.single[single.output], err = r.declaredType(single.output); err != nil {
			return err
		}
		err = r.pass(inputs, outputs)
	}
	if err == nil {
		r.model = Source{}
	}
	return err
}

func (r *runnerCgo) declaredType(output int) (ElementType, error) {
	if r.model.Bytes == nil && r.model.Path == "" {
		return 0, fmt.Errorf("output %d is a single number, and had axes in the passes before", output)
	}
	_, infos, err := declarations(r.model)
	if err != nil {
		return 0, innermost(err)
	}
	for _, d := range declaredBy(infos) {
		if d.name == r.outputs[output] && returnable(d.dtype) {
			return d.dtype, nil
		}
	}
	return 0, unsupported(output)
}

func (r *runnerCgo) pass(inputs, outputs []tensor) error {
	in := make([]onnxruntime.Value, len(inputs))
	for i, t := range inputs {
		in[i] = t.(*tensorCgo).value
	}
	out := make([]onnxruntime.Value, len(outputs))
	for i, t := range outputs {
		switch {
		case t != nil:
			out[i] = t.(*tensorCgo).value
		case r.single[i] != 0:
			var err error
			if out[i], err = goTypes[r.single[i]].scalar(make([]byte, r.single[i].Size())); err != nil {
				return innermost(err)
			}
		}
	}
	err := r.session.RunWithOptions(in, out, r.options)
	made := make([]tensor, len(outputs))
	failed := -1 // the first output that was not returned
	for i, t := range outputs {
		if t != nil {
			continue
		}
		if out[i] != nil && !reflect.ValueOf(out[i]).IsNil() { // after an error, one may be a nil pointer
			made[i] = returned(out[i])
		}
		if failed < 0 && (made[i] == nil || made[i].elementType() == 0) {
			failed = i
		}
	}
	return give(outputs, made, outputError(err, failed))
}

// singleNumberError reports an output without axes, which onnxruntime_go cannot return.
type singleNumberError struct{ output int }

func (e *singleNumberError) Error() string {
	return fmt.Sprintf("output %d is a single number", e.output)
}

// outputError returns what is wrong with a pass. onnxruntime_go copies outputs one after the other, and fails for
// single numbers and for 16-bit floating-point types.
func outputError(err error, failed int) error {
	switch {
	case errors.Is(err, onnxruntime.ZeroShapeLengthError) && failed >= 0:
		return &singleNumberError{failed}
	case err != nil && !strings.HasPrefix(err.Error(), "Error creating tensor from ort"):
		return innermost(err)
	case failed >= 0:
		return unsupported(failed)
	}
	return nil
}

func (r *runnerCgo) terminate() { _ = r.options.Terminate() } // the pass reports that it was terminated
func (r *runnerCgo) resume()    { _ = r.options.UnsetTerminate() }

func (r *runnerCgo) close() error { return errors.Join(r.session.Destroy(), r.options.Destroy()) }
