//go:build (darwin || linux || windows) && (amd64 || arm64)

package ort

import (
	"maps"
	"runtime"
	"slices"
	"unsafe"
)

// runnerPurego implements runner.
type runnerPurego struct {
	*bindingPurego
	session         uintptr   // OrtSession
	options         uintptr   // OrtRunOptions
	inputs, outputs []uintptr // names, allocated by the library
}

func (b *bindingPurego) open(model Source, inputs, outputs []string, opt sessionOptions) (runner, error) {
	r, err := b.newRunner(model, opt)
	if err == nil {
		err = r.use(inputs, outputs)
	}
	if err != nil {
		r.free()
		return nil, err
	}
	return r, nil
}

func (b *bindingPurego) choose(model Source, pick picker, opt sessionOptions) (_ runner, err error) {
	r, err := b.newRunner(model, opt)
	defer func() {
		if err != nil {
			r.free()
		}
	}()
	if err != nil {
		return nil, err
	}
	inputs, err := r.declarations(apiSessionGetInputCount, apiSessionGetInputName, apiSessionGetInputTypeInfo)
	if err != nil {
		return nil, err
	}
	outputs, err := r.declarations(apiSessionGetOutputCount, apiSessionGetOutputName, apiSessionGetOutputTypeInfo)
	if err != nil {
		return nil, err
	}
	in, out, err := pick(inputs, outputs)
	if err == nil {
		err = r.use(in, []string{out})
	}
	return r, err
}

// newRunner loads a model. It returns what must be freed also with an error.
func (b *bindingPurego) newRunner(model Source, opt sessionOptions) (*runnerPurego, error) {
	r := &runnerPurego{bindingPurego: b}
	options, err := b.options(opt)
	defer b.release(apiReleaseSessionOptions, options)
	if err != nil {
		return r, err
	}
	if model.Bytes != nil { // which the session copies
		err = b.call(apiCreateSessionFromArray, b.env, uintptr(unsafe.Pointer(unsafe.SliceData(model.Bytes))),
			uintptr(len(model.Bytes)), options, uintptr(unsafe.Pointer(&r.session)))
	} else {
		var path []byte
		if path, err = pathBytes(model.Path); err == nil {
			err = b.call(apiCreateSession, b.env, uintptr(unsafe.Pointer(&path[0])), options,
				uintptr(unsafe.Pointer(&r.session)))
		}
	}
	if err == nil {
		err = b.call(apiCreateRunOptions, uintptr(unsafe.Pointer(&r.options)))
	}
	return r, err
}

// options returns OrtSessionOptions, which must be released also with an error.
func (b *bindingPurego) options(opt sessionOptions) (options uintptr, err error) {
	var made uintptr
	err = b.call(apiCreateSessionOptions, uintptr(unsafe.Pointer(&made)))
	if err == nil {
		err = b.call(apiSetIntraOpNumThreads, made, uintptr(opt.threads))
	}
	if err == nil {
		err = b.call(apiSetSessionLogSeverityLevel, made, logFatal)
	}
	if err == nil && opt.device.CUDA {
		err = b.appendCUDA(made, opt.device)
	}
	return made, err
}

func (b *bindingPurego) appendCUDA(options uintptr, d Device) error {
	var cuda uintptr
	if err := b.call(apiCreateCUDAProviderOptions, uintptr(unsafe.Pointer(&cuda))); err != nil {
		return cudaMissing(err)
	}
	defer b.release(apiReleaseCUDAProviderOptions, cuda)
	settings := cudaSettings(d)
	keys := slices.Sorted(maps.Keys(settings))
	values := make([]string, len(keys))
	for i, key := range keys {
		values[i] = settings[key]
	}
	keyList, err := b.strings(keys)
	defer b.freeStrings(keyList)
	if err != nil {
		return err
	}
	valueList, err := b.strings(values)
	defer b.freeStrings(valueList)
	if err != nil {
		return err
	}
	err = b.call(apiUpdateCUDAProviderOptions, cuda, uintptr(unsafe.Pointer(&keyList[0])),
		uintptr(unsafe.Pointer(&valueList[0])), uintptr(len(keys)))
	if err == nil {
		err = b.call(apiSessionOptionsAppendExecutionProvider_CUDA_V2, options, cuda)
	}
	if err != nil {
		return cudaFails(d, err)
	}
	return nil
}

func (b *bindingPurego) check(opt sessionOptions) error {
	options, err := b.options(opt)
	b.release(apiReleaseSessionOptions, options)
	return err
}

// use sets the inputs and outputs of a pass.
func (r *runnerPurego) use(inputs, outputs []string) (err error) {
	if r.inputs, err = r.strings(inputs); err != nil {
		return err
	}
	r.outputs, err = r.strings(outputs)
	return err
}

// strings copies strings into C memory, which must be freed also after an error: C may not hold pointers to Go memory
// that Go has not pinned.
func (b *bindingPurego) strings(list []string) (copies []uintptr, err error) {
	for _, text := range list {
		data, err := cString(text)
		if err != nil {
			return copies, err
		}
		var address uintptr
		if err := b.call(apiAllocatorAlloc, b.allocator, uintptr(len(data)), uintptr(unsafe.Pointer(&address))); err != nil {
			return copies, err
		}
		copy(unsafe.Slice((*byte)(pointer(address)), len(data)), data)
		copies = append(copies, address)
	}
	return copies, nil
}

func (b *bindingPurego) freeStrings(list []uintptr) {
	for _, address := range list {
		_ = b.call(apiAllocatorFree, b.allocator, address) // it never fails
	}
}

// declarations returns the inputs or the outputs that the model declares, by three functions of the API.
func (r *runnerPurego) declarations(count, name, typeInfo entry) ([]declared, error) {
	var n int
	if err := r.call(count, r.session, uintptr(unsafe.Pointer(&n))); err != nil {
		return nil, err
	}
	list := make([]declared, n)
	for i := range list {
		var text, info uintptr
		if err := r.call(name, r.session, uintptr(i), r.allocator, uintptr(unsafe.Pointer(&text))); err != nil {
			return nil, err
		}
		list[i].name = goString(text)
		if err := r.call(apiAllocatorFree, r.allocator, text); err != nil {
			return nil, err
		}
		if err := r.call(typeInfo, r.session, uintptr(i), uintptr(unsafe.Pointer(&info))); err != nil {
			return nil, err
		}
		err := r.declaredType(info, &list[i])
		r.release(apiReleaseTypeInfo, info)
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

// declaredType sets the element type and the shape of a declaration; nothing if it is no tensor.
func (r *runnerPurego) declaredType(typeInfo uintptr, d *declared) error {
	var tensorInfo uintptr // a part of typeInfo
	err := r.call(apiCastTypeInfoToTensorInfo, typeInfo, uintptr(unsafe.Pointer(&tensorInfo)))
	if err != nil || tensorInfo == 0 {
		return err
	}
	d.dtype, d.shape, err = r.typeAndShape(tensorInfo)
	return err
}

// typeAndShape reads OrtTensorTypeAndShapeInfo.
func (b *bindingPurego) typeAndShape(info uintptr) (t ElementType, shape []int64, err error) {
	var dtype ElementType // an int32, as C's enumeration
	if err := b.call(apiGetTensorElementType, info, uintptr(unsafe.Pointer(&dtype))); err != nil {
		return 0, nil, err
	}
	var rank int
	if err := b.call(apiGetDimensionsCount, info, uintptr(unsafe.Pointer(&rank))); err != nil {
		return 0, nil, err
	}
	if rank == 0 {
		return dtype, nil, nil
	}
	shape = make([]int64, rank)
	err = b.call(apiGetDimensions, info, uintptr(unsafe.Pointer(&shape[0])), uintptr(rank))
	return dtype, shape, err
}

func (r *runnerPurego) run(inputs, outputs []tensor) error {
	in, out := make([]uintptr, len(inputs)), make([]uintptr, len(outputs))
	for i, t := range inputs {
		in[i] = t.(*tensorPurego).value
	}
	for i, t := range outputs {
		if t != nil {
			out[i] = t.(*tensorPurego).value
		}
	}
	err := r.call(apiRun, r.session, r.options,
		uintptr(unsafe.Pointer(unsafe.SliceData(r.inputs))), uintptr(unsafe.Pointer(unsafe.SliceData(in))),
		uintptr(len(in)),
		uintptr(unsafe.Pointer(unsafe.SliceData(r.outputs))), uintptr(len(out)),
		uintptr(unsafe.Pointer(unsafe.SliceData(out))))
	runtime.KeepAlive(inputs)
	if err != nil {
		return err
	}
	made := make([]tensor, len(outputs))
	for i, t := range outputs {
		if t != nil {
			continue
		}
		var failed error
		made[i], failed = r.returned(out[i])
		if failed == nil && made[i].elementType() == 0 {
			failed = unsupported(i)
		}
		if err == nil {
			err = failed
		}
	}
	return give(outputs, made, err)
}

func (r *runnerPurego) terminate() { _ = r.call(apiRunOptionsSetTerminate, r.options) } // the pass reports it
func (r *runnerPurego) resume()    { _ = r.call(apiRunOptionsUnsetTerminate, r.options) }

func (r *runnerPurego) close() error {
	r.free()
	return nil
}

// free releases the model.
func (r *runnerPurego) free() {
	r.release(apiReleaseSession, r.session)
	r.release(apiReleaseRunOptions, r.options)
	r.freeStrings(r.inputs)
	r.freeStrings(r.outputs)
	*r = runnerPurego{bindingPurego: r.bindingPurego}
}
