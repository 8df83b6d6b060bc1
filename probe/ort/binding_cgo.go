//go:build cgo

package ort

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"runtime"
	"strings"
	"unsafe"

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
	return &runnerCgo{session, run}, nil
}

func (r *runnerCgo) run(inputs, outputs []tensor) error {
	in := make([]onnxruntime.Value, len(inputs))
	for i, t := range inputs {
		in[i] = t.(*tensorCgo).value
	}
	out := make([]onnxruntime.Value, len(outputs))
	for i, t := range outputs {
		if t != nil {
			out[i] = t.(*tensorCgo).value
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

// outputError returns what is wrong with a pass. onnxruntime_go copies outputs one after the other, and fails for
// single numbers and for 16-bit floating-point types.
func outputError(err error, failed int) error {
	switch {
	case errors.Is(err, onnxruntime.ZeroShapeLengthError):
		return fmt.Errorf("output %d is a single number, which only WISEFT_ORT_BINDING=purego can return", failed)
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

// tensorCgo implements tensor.
type tensorCgo struct {
	value onnxruntime.Value
	dtype ElementType
	data  []byte
	pins  *runtime.Pinner // of data, if it was given
}

func (t *tensorCgo) elementType() ElementType { return t.dtype }
func (t *tensorCgo) dims() []int64            { return t.value.GetShape() }
func (t *tensorCgo) bytes() []byte            { return t.data }

func (t *tensorCgo) close() error {
	t.data = nil
	err := t.value.Destroy()
	if t.pins != nil {
		t.pins.Unpin()
	}
	return err
}

func (bindingCgo) tensor(a Array) (tensor, error) {
	t := &tensorCgo{dtype: a.Type, data: a.Data}
	var err error
	switch {
	case len(a.Shape) == 0:
		t.value, err = scalar(a)
	case a.Type == String:
		t.value, err = texts(a)
	case len(a.Data) == 0:
		t.value, err = empty(a)
	default:
		t.pins = pinFor(t, a.Data)
		t.value, err = onnxruntime.NewCustomDataTensor(a.Shape, a.Data, onnxruntime.TensorElementDataType(a.Type))
	}
	if err != nil {
		return nil, innermost(err)
	}
	return t, nil
}

// texts returns a tensor of text, which onnxruntime copies.
func texts(a Array) (onnxruntime.Value, error) {
	for _, text := range a.Text {
		if strings.IndexByte(text, 0) >= 0 {
			return nil, fmt.Errorf("%q contains a zero byte", text)
		}
	}
	v, err := onnxruntime.NewStringTensor(a.Shape)
	if err == nil {
		if err = v.SetContents(a.Text); err != nil {
			err = errors.Join(err, v.Destroy())
		}
	}
	return v, err
}

// empty returns a tensor without elements, which onnxruntime_go makes of its own types alone.
func empty(a Array) (onnxruntime.Value, error) {
	switch a.Type {
	case Float32:
		return onnxruntime.NewTensor(a.Shape, []float32{})
	case Float64:
		return onnxruntime.NewTensor(a.Shape, []float64{})
	case Int8:
		return onnxruntime.NewTensor(a.Shape, []int8{})
	case Int16:
		return onnxruntime.NewTensor(a.Shape, []int16{})
	case Int32:
		return onnxruntime.NewTensor(a.Shape, []int32{})
	case Int64:
		return onnxruntime.NewTensor(a.Shape, []int64{})
	case Uint8:
		return onnxruntime.NewTensor(a.Shape, []uint8{})
	case Uint16:
		return onnxruntime.NewTensor(a.Shape, []uint16{})
	case Uint32:
		return onnxruntime.NewTensor(a.Shape, []uint32{})
	case Uint64:
		return onnxruntime.NewTensor(a.Shape, []uint64{})
	case Bool:
		return onnxruntime.NewTensor(a.Shape, []bool{})
	}
	// The shape has no elements, so that the byte is not read.
	return onnxruntime.NewCustomDataTensor(a.Shape, []byte{0}, onnxruntime.TensorElementDataType(a.Type))
}

// scalar returns a single number, for which onnxruntime_go has types of their own.
func scalar(a Array) (onnxruntime.Value, error) {
	switch d := a.Data; a.Type {
	case Float32:
		return onnxruntime.NewScalar(math.Float32frombits(binary.LittleEndian.Uint32(d)))
	case Float64:
		return onnxruntime.NewScalar(math.Float64frombits(binary.LittleEndian.Uint64(d)))
	case Int8:
		return onnxruntime.NewScalar(int8(d[0]))
	case Int16:
		return onnxruntime.NewScalar(int16(binary.LittleEndian.Uint16(d)))
	case Int32:
		return onnxruntime.NewScalar(int32(binary.LittleEndian.Uint32(d)))
	case Int64:
		return onnxruntime.NewScalar(int64(binary.LittleEndian.Uint64(d)))
	case Uint8:
		return onnxruntime.NewScalar(d[0])
	case Uint16:
		return onnxruntime.NewScalar(binary.LittleEndian.Uint16(d))
	case Uint32:
		return onnxruntime.NewScalar(binary.LittleEndian.Uint32(d))
	case Uint64:
		return onnxruntime.NewScalar(binary.LittleEndian.Uint64(d))
	case Bool:
		return onnxruntime.NewScalar(d[0] != 0)
	}
	return nil, fmt.Errorf("a single number of type %s is not supported", a.Type)
}

// returned returns an output of a pass, which onnxruntime_go has copied into Go's memory.
func returned(v onnxruntime.Value) tensor {
	switch x := v.(type) {
	case *onnxruntime.Tensor[float32]:
		return copied(x, Float32)
	case *onnxruntime.Tensor[float64]:
		return copied(x, Float64)
	case *onnxruntime.Tensor[bool]:
		return copied(x, Bool)
	case *onnxruntime.Tensor[uint8]:
		return copied(x, Uint8)
	case *onnxruntime.Tensor[int8]:
		return copied(x, Int8)
	case *onnxruntime.Tensor[uint16]:
		return copied(x, Uint16)
	case *onnxruntime.Tensor[int16]:
		return copied(x, Int16)
	case *onnxruntime.Tensor[int32]:
		return copied(x, Int32)
	case *onnxruntime.Tensor[int64]:
		return copied(x, Int64)
	case *onnxruntime.Tensor[uint32]:
		return copied(x, Uint32)
	case *onnxruntime.Tensor[uint64]:
		return copied(x, Uint64)
	}
	return &tensorCgo{value: v}
}

func copied[T onnxruntime.TensorData](x *onnxruntime.Tensor[T], t ElementType) tensor {
	data := x.GetData()
	size := uintptr(len(data)) * unsafe.Sizeof(*new(T))
	return &tensorCgo{value: x, dtype: t, data: unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(data))), size)}
}
