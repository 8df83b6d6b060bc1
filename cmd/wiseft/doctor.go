package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/probe/ort"
)

// doctorCommand is the options of doctor.
type doctorCommand struct {
	library, device string
	install         bool
}

func newDoctorCommand() *cli.Command {
	var o doctorCommand
	return newCommand(&cli.Command{
		Name:        "doctor",
		Usage:       "list what works on this machine, what does not, and the command that helps",
		Description: "Nothing is installed unless --install is given.\n\nExamples:\n  wiseft doctor\n  wiseft doctor --install\n  wiseft doctor --device cuda",
		Flags: section("",
			libraryFlag(&o.library),
			define(&o.device, "device", "cpu or cuda: which library to try").or("cpu"),
			define(&o.install, "install", "install onnxruntime into the cache folder if there is none"),
		),
	}, exactly(), o.run)
}

type doctorReport struct {
	Schema   string        `json:"schema"`
	Version  string        `json:"version"`
	Go       string        `json:"go"`
	Platform string        `json:"platform"`
	Cores    int           `json:"cores"`
	CacheDir string        `json:"cache"`
	Library  *ort.Library  `json:"onnxruntime"` // what models would run on; null if nothing works
	Found    []ort.Library `json:"found"`       // every library found, in the order of preference
	CUDA     string        `json:"cuda"`        // "works", or what is missing
	Problems []problem     `json:"problems"`
}

type problem struct {
	What string `json:"what"`
	Mend string `json:"mend"`
}

func (o *doctorCommand) run(ctx context.Context, c *call) (result, error) {
	device, err := ort.ParseDevice(o.device)
	if err != nil {
		return nil, usagef("%w", err)
	}
	opt := wiseft.LibraryOptions(wiseft.RuntimeOptions{Library: o.library, Offline: !o.install}, wiseft.Monitor{Note: c.say})
	opt.CUDA = device.CUDA
	r := &doctorReport{Schema: "wiseft.doctor/1", Version: wiseft.Version, Go: runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH, Cores: runtime.NumCPU(), CacheDir: opt.CacheDir,
		Found: append([]ort.Library{}, ort.Find(opt)...), Problems: []problem{}}
	lib, err := ort.Load(ctx, opt)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		r.CUDA = "not tried"
		mend := "wiseft doctor --install --device " + device.String()
		if library, ok := errors.AsType[*ort.LibraryError](err); ok && (opt.Install || opt.Library != "") {
			mend = library.Advice
		}
		r.Problems = append(r.Problems, problem{err.Error(), mend})
		return r, nil
	}
	r.Library = &lib
	r.checkCUDA(ctx, lib)
	return r, nil
}

// checkCUDA tries the GPU. A machine without one has no problem, unless the library has a CUDA provider.
func (r *doctorReport) checkCUDA(ctx context.Context, lib ort.Library) {
	if !lib.CUDA {
		r.CUDA = "this library has no CUDA provider; try another with wiseft doctor --device cuda --install"
		return
	}
	if err := ort.CheckCUDA(ctx); err != nil {
		r.CUDA = err.Error()
		r.Problems = append(r.Problems, problem{"CUDA does not work", ort.CUDAHint})
		return
	}
	r.CUDA = "works"
}

func (r *doctorReport) writeText(w io.Writer) error {
	t := newTable(w)
	fmt.Fprintf(t, "wiseft\t%s, %s, %s, %d cores\n", r.Version, r.Go, r.Platform, r.Cores)
	if r.Library != nil {
		fmt.Fprintf(t, "onnxruntime\t%s, works: %s (%s)\n", r.Library.Version, r.Library.Path, r.Library.Origin)
	} else {
		fmt.Fprintf(t, "onnxruntime\tnone that works\n")
	}
	fmt.Fprintf(t, "CUDA\t%s\n", r.CUDA)
	fmt.Fprintf(t, "cache\t%s\n", r.CacheDir)
	for _, lib := range r.Found {
		if r.Library == nil || lib.Path != r.Library.Path {
			fmt.Fprintf(t, "also found\t%s %s (%s)\n", lib.Path, lib.Version, lib.Origin)
		}
	}
	for _, p := range r.Problems {
		fmt.Fprintf(t, "problem\t%s\n  mend it\t%s\n", p.What, p.Mend)
	}
	if len(r.Problems) == 0 {
		fmt.Fprintln(t, "all is well")
	}
	return t.Flush()
}
