package wiseft

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/output"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/surgery"
	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/ort"
)

// RuntimeOptions select the onnxruntime that runs models, and the device. The zero value takes the library that is
// found, installs one into the user's cache folder if there is none, and runs on the CPU with a thread per core.
type RuntimeOptions struct {
	Library string // path of the shared library; "" searches and installs
	Device  string // "cpu", "cuda" or "cuda:N"; "" is "cpu". A GPU that does not work is an error
	Threads int    // of one forward pass; 0 is one per core
	Batch   int    // samples of one forward pass; 0 is 8 on a CPU and 32 on a GPU
	// TrustBatch leaves out the check that a sample's features do not depend on the batch it is in.
	TrustBatch bool
	// ModelMemory is the size in bytes, with data files, beyond which models are run from files: stored ones from their own,
	// cut and merged ones from a temporary folder. 0 is [DefaultModelMemory].
	ModelMemory int64
	// Offline forbids the installation: a missing library is an error.
	Offline bool
}

// gpuBatch is the number of samples of one forward pass on a GPU, which needs many to keep its cores busy.
const gpuBatch = 32

// BatchSize returns the number of samples of one forward pass.
func (o RuntimeOptions) BatchSize() int {
	switch {
	case o.Batch > 0:
		return o.Batch
	case strings.HasPrefix(o.Device, "cuda"):
		return gpuBatch
	}
	return probe.DefaultBatch
}

// device checks the options and parses the device.
func (o RuntimeOptions) device() (ort.Device, error) {
	device, err := ort.ParseDevice(cmp.Or(o.Device, "cpu"))
	if err != nil {
		return device, fault.Usagef("%w", err)
	}
	if o.Threads < 0 {
		return device, fault.Usagef("--threads must not be negative")
	}
	if o.Batch < 0 {
		return device, fault.Usagef("--batch must be at least 1")
	}
	return device, nil
}

// Runtime is onnxruntime, loaded into this process. It implements probe.Engine: sessions for any tensor of a
// model. One process loads one library; loading it again returns the same one.
type Runtime struct{ ort.Engine }

// LoadRuntime loads onnxruntime. Notes go to monitor, such as the line that announces an installation.
func LoadRuntime(ctx context.Context, opt RuntimeOptions, monitor Monitor) (*Runtime, error) {
	device, err := opt.device()
	if err != nil {
		return nil, err
	}
	output.RemoveStaleScratch()
	library := LibraryOptions(opt, monitor)
	library.CUDA = device.CUDA
	if _, err := ort.Load(ctx, library); err != nil {
		return nil, err
	}
	return &Runtime{ort.Engine{Device: device, Threads: opt.Threads}}, nil
}

// preloadRuntime loads an installed library in the background, which takes as long as reading a model of some megabytes.
// wait returns when that has ended. Its error is left to [LoadRuntime], which also installs.
func preloadRuntime(ctx context.Context, opt RuntimeOptions) (wait func() (ort.Library, error)) {
	return inBackground(func() (ort.Library, error) {
		device, err := opt.device()
		if err != nil {
			return ort.Library{}, err
		}
		opt.Offline = true
		library := LibraryOptions(opt, Monitor{})
		library.CUDA = device.CUDA
		return ort.Load(ctx, library)
	})
}

// inBackground runs f in a goroutine. wait returns its result when it has ended, and is called once.
func inBackground[T any](f func() (T, error)) (wait func() (T, error)) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := f()
		done <- result{value, err}
	}()
	return func() (T, error) {
		r := <-done
		return r.value, r.err
	}
}

// Open implements probe.Engine: a session that computes one tensor of a model, which may be an inner one.
func (r *Runtime) Open(ctx context.Context, source probe.Source, tensor string, data datasets.Info,
) (_ probe.Extractor, err error) {
	m, closeModel, err := openStructure(source)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeModel()) }()
	declared, err := modelInputs(m, tensor)
	if err != nil {
		return nil, err
	}
	inputs, err := probe.Fed(declared, data)
	if err != nil {
		return nil, err
	}
	ex, err := r.expose(ctx, m, source, tensor, false, inputs)
	if errors.Is(err, ort.ErrHalf) { // which the model may not declare
		ex, err = r.expose(ctx, m, source, tensor, true, inputs)
	}
	if err != nil {
		return nil, err
	}
	varying := slices.DeleteFunc(slices.Clone(inputs), func(in probe.Input) bool {
		return slices.ContainsFunc(data.Constants, func(c datasets.Constant) bool { return c.Input == in.Name })
	})
	return probe.WithBatchAxis(ex, probe.BatchAxis(axisNames(m.Graph.Value(tensor)), varying)), nil
}

// axisNames returns the names of a value's axes, "" for those without.
func axisNames(v onnx.Value) (names []string) {
	for _, d := range v.Shape {
		names = append(names, d.Param)
	}
	return names
}

// expose opens a model whose only output is tensor. The nodes that it does not need are left out. With half it is cast to
// float32, as 16-bit floating-point numbers must be.
func (r *Runtime) expose(ctx context.Context, m *onnx.Model, source probe.Source, tensor string, half bool,
	inputs []probe.Input) (probe.Extractor, error) {
	cut, err := surgery.Cut(m, tensor)
	if half {
		cut, tensor, err = surgery.CutAsFloat32(m, tensor)
	}
	if err != nil {
		return nil, err
	}
	switch {
	case source.Bytes == nil && (!cut.IsZero() || hasSettingsOutside(m)):
		return r.exposeFiles(ctx, m, cut, tensor, inputs)
	case cut.IsZero():
	default:
		var out bytes.Buffer
		out.Grow(len(source.Bytes) + 1<<10)
		if err := m.WriteChanged(ctx, &out, cut); err != nil {
			return nil, err
		}
		source.Bytes = out.Bytes()
	}
	if out, known := declaredOutput(m, tensor); known && len(inputs) > 0 {
		return r.Engine.OpenDeclared(ctx, source, out, inputs...)
	}
	return r.Engine.Open(ctx, source, tensor, inputs...)
}

// declaredOutput returns a tensor as the model declares it. It is known if onnxruntime could not infer more: its type is
// float32, and only the batch axis may have any length.
func declaredOutput(m *onnx.Model, tensor string) (out probe.Output, known bool) {
	v := m.Graph.Value(tensor)
	out.Name = tensor
	for _, d := range v.Shape {
		out.Declared = append(out.Declared, d.Len)
	}
	return out, v.DType == onnx.Float32 && len(v.Shape) > 0 && !slices.Contains(out.Declared[1:], -1)
}

// hasSettingsOutside reports whether data files have small payloads, such as axes and shapes. onnxruntime needs these in
// the model's own file, where a model that is written has all payloads of less than 1 KiB.
func hasSettingsOutside(m *onnx.Model) bool {
	return slices.ContainsFunc(m.Tensors, func(t *onnx.Tensor) bool { return t.Location() != "" && t.SizeBytes() < 1<<10 })
}

// exposeFiles opens a changed model from a folder of its own.
func (r *Runtime) exposeFiles(ctx context.Context, m *onnx.Model, change onnx.Change, tensor string, inputs []probe.Input,
) (probe.Extractor, error) {
	files, err := writeScratch(func(out onnx.Output, opt onnx.WriteOptions) ([]onnx.File, error) {
		opt.Change = change
		return m.Write(ctx, out, nil, opt)
	})
	if err != nil {
		return nil, err
	}
	ex, err := r.Engine.Open(ctx, files.source, tensor, inputs...)
	if err != nil {
		return nil, errors.Join(err, files.scratch.Remove())
	}
	return probe.WithFiles(ex, files.scratch.Remove), nil
}

// LibraryOptions returns where onnxruntime is searched on this machine: the program's own folder,
// LD_LIBRARY_PATH, packages of Python environments and of the Node on the path, the user's cache folder. The variable
// WISEFT_ORT_BINDING, "cgo" or "purego", chooses how it is called.
func LibraryOptions(opt RuntimeOptions, monitor Monitor) ort.Options {
	o := ort.Options{Library: opt.Library, Binding: os.Getenv("WISEFT_ORT_BINDING"), Install: !opt.Offline,
		Say: monitor.note}
	if cache, err := ort.DefaultCacheDir(); err == nil {
		o.CacheDir = cache
	}
	o.Search = ort.DefaultPlaces(os.Getenv)
	return o
}

// aboutModel puts a model's path in front of an error that is about the model itself.
func aboutModel(path string, err error) error {
	_, rejected := errors.AsType[*ort.ModelError](err)
	_, unknown := errors.AsType[*surgery.UnknownTensorError](err)
	if rejected || unknown || errors.Is(err, probe.ErrBatchAxis) {
		return fmt.Errorf("%s: %w", path, err)
	}
	return err
}
