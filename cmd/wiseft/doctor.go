package main

import (
	"context"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
)

func newDoctorCommand() *cli.Command {
	var o wiseft.RuntimeOptions
	var install bool
	return newCommand(&cli.Command{
		Name:  "doctor",
		Usage: "list what works on this machine, what does not, and the command that helps",
		Description: "Nothing is installed unless --install is given.\n\n" +
			"Examples:\n" +
			"  wiseft doctor\n" +
			"  wiseft doctor --install\n" +
			"  wiseft doctor --device cuda",
		Flags: section("",
			libraryFlag(&o.Library),
			define(&o.Device, "device", "cpu or cuda: which library to try").or("cpu").env(),
			define(&install, "install", "install onnxruntime into the cache folder if there is none"),
		),
	}, exactly(), func(ctx context.Context, c *call) (result, error) {
		o.Offline = !install
		d, err := wiseft.Diagnose(ctx, o, c.monitor())
		if err == nil && d.Err() != nil {
			return diagnosis.failed(c, d, d.Err())
		}
		return diagnosis.result(d, err)
	})
}

var diagnosis = form[wiseft.Diagnosis]{"wiseft.doctor/1", writeDiagnosis}

func writeDiagnosis(w io.Writer, r *wiseft.Diagnosis) error {
	t := newTable(w)
	fmt.Fprintf(t, "wiseft\t%s, %s, %s, %d cores\n", r.Version, r.Go, r.Platform, r.Cores)
	if r.Library != nil {
		fmt.Fprintf(t, "onnxruntime\t%s, works by %s: %s (%s)\n", r.Library.Version, r.Library.Binding,
			r.Library.Path, r.Library.Origin)
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
