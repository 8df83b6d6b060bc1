package ort

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
)

// binding calls the C API of onnxruntime for a process. Both bindings give the same values and errors; they differ in
// what they need: bindingCgo a C compiler, bindingPurego one of the platforms in its build constraint.
type binding interface {
	// load loads the library at path, and returns its version.
	load(path string) (version string, err error)
	// open loads a model whose passes take inputs and give outputs.
	open(model Source, inputs, outputs []string, opt sessionOptions) (runner, error)
	// choose loads a model whose passes take the inputs and give the output that pick chooses of those it declares.
	choose(model Source, pick picker, opt sessionOptions) (runner, error)
	// check returns an error if no model runs with these options.
	check(opt sessionOptions) error
	// tensor returns an array for a pass. It refers to data, which must not change, until it is closed.
	tensor(a Array) (tensor, error)
}

// runner is a model that is loaded. Only one pass may run at a time.
type runner interface {
	// run runs one forward pass. An output that is nil is allocated, and belongs to the caller; the others are
	// written into. After an error, none is allocated. An output that is no tensor of a type that can be returned is
	// an error.
	run(inputs, outputs []tensor) error
	// terminate makes the pass that is running and those that follow fail, until resume.
	terminate()
	resume()
	close() error
}

// tensor is an array that onnxruntime reads or has written.
type tensor interface {
	elementType() ElementType
	dims() []int64
	// bytes returns the elements as they are in memory, which is little-endian on all platforms of onnxruntime. They
	// are valid until close.
	bytes() []byte
	close() error
}

// picker chooses inputs and an output of a model, by name. Optional inputs are not among those that are declared.
type picker func(inputs, outputs []declared) (names []string, output string, err error)

// declared is an input or an output as a model declares it.
type declared struct {
	name  string
	dtype ElementType // 0 if it is no tensor
	shape []int64     // -1 stands for any length
}

// sessionOptions are those of a model that is loaded.
type sessionOptions struct {
	threads int // of one pass on the CPU
	device  Device
}

// logFatal is the severity from which onnxruntime prints lines. What it refuses is in the error that it returns, and
// needs no line on standard error.
const logFatal = 4

// cudaSettings are the settings of the CUDA provider, as keys and values. The convolution search is heuristic, because
// the default measures all algorithms again for every point count; TF32 is off, so that features agree with the CPU's
// to float32.
func cudaSettings(d Device) map[string]string {
	return map[string]string{
		"device_id":              fmt.Sprint(d.Index),
		"cudnn_conv_algo_search": "HEURISTIC",
		"use_tf32":               "0",
	}
}

// cudaMissing reports a library without a CUDA provider.
func cudaMissing(err error) error {
	return &LibraryError{Reason: "no CUDA: " + err.Error(), Advice: Options{CUDA: true}.advice()}
}

// cudaFails reports a CUDA provider that does not start.
func cudaFails(d Device, err error) error {
	return &LibraryError{Reason: fmt.Sprintf("device %s: %s", d, cause(err)), Advice: CUDAHint}
}

// refused reports a model that does not load. Errors about the library are not the model's.
func refused(err error) error {
	if _, ok := errors.AsType[*LibraryError](err); ok {
		return err
	}
	if _, ok := errors.AsType[*ModelError](err); ok {
		return err
	}
	return modelErrorf("onnxruntime refuses the model: %s", message(err))
}

// give puts the tensors that a pass has made among its outputs. After an error it closes them.
func give(outputs, made []tensor, err error) error {
	for i, t := range made {
		switch {
		case t == nil:
		case err != nil:
			_ = t.close() // the first error says what is wrong
		default:
			outputs[i] = t
		}
	}
	return err
}

// unsupported reports an output that a pass cannot return.
func unsupported(i int) error { return fmt.Errorf("output %d is no tensor of a supported type", i) }

// cause removes the source locations that onnxruntime puts in front of an error.
func cause(err error) string {
	parts := strings.Split(err.Error(), " : FAIL : ")
	return parts[len(parts)-1]
}

// message returns what an error of onnxruntime says about the model, on one line.
func message(err error) string {
	text := cause(err)
	if _, status, ok := strings.Cut(text, "Status Message: "); ok {
		node := ""
		if _, after, ok := strings.Cut(text, "while running "); ok {
			node, _, _ = strings.Cut(after, " Status Message")
			node = strings.TrimSuffix(node, ".") + ": "
		}
		text = node + status
	}
	return strings.Join(strings.Fields(text), " ")
}

// The names of the bindings, as WISEFT_ORT_BINDING has them.
const (
	nameCgo    = "cgo"
	namePurego = "purego"
)

// bindings are those that this build contains.
var bindings = map[string]binding{}

// bindingFor returns a binding of this build by name; "" is the default: cgo where the build has it.
func bindingFor(name string) (binding, string, error) {
	if len(bindings) == 0 {
		return nil, "", &LibraryError{Reason: "this build cannot load it on " + platform(),
			Advice: "install a C compiler and build with CGO_ENABLED=1"}
	}
	if name == "" {
		name = slices.Min(slices.Collect(maps.Keys(bindings)))
	}
	if b, ok := bindings[name]; ok {
		return b, name, nil
	}
	if name != nameCgo && name != namePurego {
		return nil, "", fault.Usagef("WISEFT_ORT_BINDING is %q, not cgo or purego", name)
	}
	return nil, "", &LibraryError{Reason: "this build does not contain the binding " + name,
		Advice: "unset WISEFT_ORT_BINDING: the build has " + strings.Join(slices.Sorted(maps.Keys(bindings)), ", ")}
}
