package ort

import (
	"context"
	"fmt"
	"sync"
)

// loaded is the process's library. onnxruntime can be loaded once.
var loaded struct {
	sync.Mutex
	lib     Library
	binding binding // nil until it is loaded
}

// Load loads onnxruntime and returns the library. Later calls return the one that is loaded, or an error if it does
// not have the CUDA provider that opt requires. Errors are [LibraryError], or ctx's.
func Load(ctx context.Context, opt Options) (Library, error) {
	loaded.Lock()
	defer loaded.Unlock()
	if loaded.binding != nil {
		if opt.CUDA && !loaded.lib.CUDA {
			return Library{}, &LibraryError{Reason: "the loaded library has no CUDA provider",
				Advice: Options{CUDA: true}.advice()}
		}
		return loaded.lib, nil
	}
	binding, name, err := bindingFor(opt.Binding)
	if err != nil {
		return Library{}, err
	}
	start := func(lib *Library) error {
		lib.Binding = name
		return start(lib, binding)
	}
	if opt.Library != "" {
		lib := describe(opt.Library, "named")
		if err := start(&lib); err != nil {
			return Library{}, &LibraryError{Reason: err.Error(), Advice: opt.advice()}
		}
		return lib, nil
	}
	var tried []string
	for lib := range candidates(opt) {
		err := usable(lib, opt)
		if err == nil && lib.Origin == cacheOrigin {
			lib, err = repaired(ctx, opt, lib)
		}
		if ctx.Err() != nil {
			return Library{}, ctx.Err()
		}
		if err == nil {
			err = start(&lib)
		}
		if err == nil {
			return lib, nil
		}
		tried = append(tried, fmt.Sprintf("%s (%s): %v", lib.Path, lib.Origin, err))
	}
	if !opt.Install || opt.CacheDir == "" {
		return Library{}, &LibraryError{Reason: "no usable library was found", Tried: tried, Advice: opt.advice()}
	}
	if opt.Say != nil {
		for _, line := range tried {
			opt.Say("not usable: " + line)
		}
	}
	if err := checkGPU(opt); err != nil {
		return Library{}, err
	}
	lib, err := install(ctx, opt)
	if err != nil {
		return Library{}, err
	}
	if err := start(&lib); err != nil {
		return Library{}, &LibraryError{Reason: err.Error(), Advice: opt.advice()}
	}
	return lib, nil
}

// usable returns an error if the name of a library shows that it cannot be used. It is not opened for that: one that
// is too old prints on standard error.
func usable(lib Library, opt Options) error {
	if older(lib.Version, MinVersion) {
		return fmt.Errorf("version %s is older than %s", lib.Version, MinVersion)
	}
	if opt.CUDA && !lib.CUDA {
		return fmt.Errorf("it has no CUDA provider")
	}
	return nil
}

func start(lib *Library, b binding) error {
	returnMemory()
	version, err := b.load(lib.Path)
	if err != nil {
		return fmt.Errorf("%s does not load: %w", lib.Path, err)
	}
	lib.Version = version
	loaded.lib, loaded.binding = *lib, b
	return nil
}

// errNotLoaded reports a call before [Load].
var errNotLoaded = &LibraryError{Reason: "it is not loaded", Advice: "call Load first"}

// current returns the binding of the loaded library, and the library's version.
func current() (binding, string, error) {
	loaded.Lock()
	defer loaded.Unlock()
	if loaded.binding == nil {
		return nil, "", errNotLoaded
	}
	return loaded.binding, loaded.lib.Version, nil
}
