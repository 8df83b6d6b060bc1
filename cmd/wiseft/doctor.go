package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/internal/text"
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
			define(&o.Device, "device", "cpu or cuda: which library to try").or("cpu"),
			define(&install, "install", "install onnxruntime into the cache folder if there is none"),
		),
	}, exactly(), func(ctx context.Context, c *call) (result, error) {
		o.Offline = !install
		d, err := wiseft.Diagnose(ctx, o, c.monitor())
		if err != nil || !install || d.Library != nil {
			return diagnosis.result(d, err)
		}
		err = errors.New("onnxruntime could not be installed")
		if c.asJSON {
			return nil, errors.Join(text.WriteJSON(c.out, document[wiseft.Diagnosis]{diagnosis, d}), reportedError{err})
		}
		return nil, errors.Join(writeDiagnosis(text.VisibleWriter(c.out), d), err)
	})
}

var diagnosis = form[wiseft.Diagnosis]{"wiseft.doctor/1", writeDiagnosis}

func writeDiagnosis(w io.Writer, r *wiseft.Diagnosis) error {
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
