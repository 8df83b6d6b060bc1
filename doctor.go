package wiseft

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/ort"
)

// Diagnosis is what models can run on, on this machine, and what is missing.
type Diagnosis struct {
	Version  string        `json:"version"` // of this module
	Go       string        `json:"go"`
	Platform string        `json:"platform"` // "linux/amd64"
	Cores    int           `json:"cores"`
	CacheDir string        `json:"cache"`       // where onnxruntime is installed
	Library  *ort.Library  `json:"onnxruntime"` // what models would run on; null if nothing works
	Found    []ort.Library `json:"found"`       // every library found, in the order of preference
	CUDA     string        `json:"cuda"`        // "works", or what is missing
	Problems []Problem     `json:"problems"`

	asked error // why what was asked for does not work
}

// Err returns why what was asked for does not work: an installation, a library that was named, a device other than the
// CPU; else nil.
func (d *Diagnosis) Err() error { return d.asked }

// Problem is what keeps models from running, and how to solve it.
type Problem struct {
	What string `json:"what"`
	Mend string `json:"mend"` // a command, or what else to do
}

// Diagnose finds out whether models can run with opt, by loading onnxruntime and, if the library supports CUDA, by
// trying the GPU. A machine on which nothing works is no error: the diagnosis lists the problems. Nothing is installed
// with opt.Offline.
func Diagnose(ctx context.Context, opt RuntimeOptions, monitor Monitor) (*Diagnosis, error) {
	device, err := opt.device()
	if err != nil {
		return nil, err
	}
	library := LibraryOptions(opt, monitor)
	library.CUDA = device.CUDA
	library.WithoutGPU = true // the installation is what was asked for: for another machine of a cluster, or in an image
	d := &Diagnosis{Version: Version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Cores: runtime.NumCPU(), CacheDir: library.CacheDir, Found: []ort.Library{}, Problems: []Problem{}}
	d.Found = append(d.Found, ort.Find(library)...)
	loaded, err := ort.Load(ctx, library)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if fault.KindOf(err) == fault.Usage {
		return nil, err
	}
	if err != nil {
		d.CUDA = "not tried"
		mend := "wiseft doctor --install --device " + device.String()
		if e, ok := errors.AsType[*ort.LibraryError](err); ok && (library.Install || library.Library != "") {
			mend = e.Advice
		}
		d.Problems = append(d.Problems, Problem{err.Error(), mend})
		if library.Install || library.Library != "" || device.CUDA {
			d.asked = err
		}
		return d, nil
	}
	d.Library = &loaded
	return d, d.checkCUDA(ctx, device)
}

// checkCUDA tries the GPU: the device, or the first one if that is the CPU. A machine without one has no problem, unless
// the library has a CUDA provider. The error is ctx's.
func (d *Diagnosis) checkCUDA(ctx context.Context, device ort.Device) error {
	if !d.Library.CUDA {
		const another = "wiseft doctor --device cuda --install"
		d.CUDA = "this library has no CUDA provider; try another with " + another
		if device.CUDA { // the library was named
			d.asked = fmt.Errorf("%s has no CUDA provider", d.Library.Path)
			d.Problems = append(d.Problems, Problem{d.asked.Error(), another})
		}
		return nil
	}
	err := ort.Engine{Device: ort.Device{CUDA: true, Index: device.Index}}.Check(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err == nil {
		d.CUDA = "works"
		return nil
	}
	d.CUDA = err.Error()
	d.Problems = append(d.Problems, Problem{"CUDA does not work", ort.CUDAHint})
	if device.CUDA {
		d.asked = fmt.Errorf("CUDA does not work: %w", err)
	}
	return nil
}
