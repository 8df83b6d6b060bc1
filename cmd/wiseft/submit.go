package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft/internal/output"
	"github.com/wiseft/wiseft/probe/bench/cluster"
)

// submitCommand has the options of submit.
type submitCommand struct {
	cluster.Job
	dir           string
	force, dryRun bool
}

func newSubmitCommand() *cli.Command {
	var o submitCommand
	return newCommand(&cli.Command{
		Name:      "submit",
		Usage:     "write the job files that spread a sweep or benchmark over machines, and submit them",
		ArgsUsage: "slurm|k8s -- sweep|bench ARGUMENTS… -o RUN",
		Description: "Slurm gets an array of workers and a job that collects; Kubernetes gets an Indexed\n" +
			"Job. RUN lies in a folder that all workers see. Relative paths are those of the folder\n" +
			"where the jobs are submitted, or of the volume.\n\n" +
			"Examples:\n" +
			"  wiseft submit slurm --shards 8 --cpus 4 --time 04:00:00 -- sweep a.onnx b.onnx --train d --test d -o run\n" +
			"  wiseft submit slurm --dry-run -- sweep a.onnx b.onnx --train d --test d -o run\n" +
			"  wiseft submit k8s --dry-run --image registry/wiseft --claim data -- bench a.onnx --train d --test d -o run",
		Flags: section("",
			define(&o.Shards, "shards", "`N` workers").or(8).env(),
			define(&o.AtOnce, "at-once", "at most `N` workers at a time").shown("all").env(),
			define(&o.CPUs, "cpus", "`N` cores of each worker").or(4).env(),
			define(&o.Memory, "mem", "`SIZE` of each worker's memory").shown("8G, or 8Gi for Kubernetes").env(),
			define(&o.GPUs, "gpus", "`N` GPUs of each worker; the command needs --device cuda too").env(),
			define(&o.Time, "time", "Slurm: time `LIMIT`; workers that reach it are requeued").or("04:00:00").env(),
			define(&o.Partition, "partition", "Slurm: `PARTITION`").shown("the site's default").env(),
			define(&o.Image, "image", "Kubernetes: container `IMAGE` that has wiseft").or("wiseft").env(),
			define(&o.Claim, "claim", "Kubernetes: persistent volume `CLAIM`, mounted at /data, where the command runs").
				or("wiseft-data").env(),
			define(&o.Name, "name", "`NAME` of jobs and files").or("wiseft"),
			define(&o.dir, "dir", "`FOLDER` for the job files").or("."),
			define(&o.force, "force", "replace existing job files"),
			define(&o.dryRun, "dry-run", "print the job files, and neither write nor submit them"),
		),
	}, atLeast("slurm or k8s"), o.run)
}

// submitReport lists the job files.
type submitReport struct {
	Schema    string         `json:"schema"`
	Submitted bool           `json:"submitted"`
	Files     []cluster.File `json:"files"`
	Message   string         `json:"message"`
}

func (o *submitCommand) run(ctx context.Context, c *call) (result, error) {
	scheduler, err := cluster.Lookup(c.args[0])
	if err != nil {
		return nil, usagef("%w", err).WithHint("%s", c.usageHint())
	}
	job, err := o.job(c, c.args[1:])
	if err != nil {
		return nil, err
	}
	r := &submitReport{Schema: "wiseft.submit/1"}
	if r.Files, err = scheduler.Files(job); err != nil || o.dryRun {
		return r, err
	}
	paths, err := r.write(o.dir, o.force)
	if err != nil {
		return nil, err
	}
	r.Message, err = scheduler.Submit(ctx, paths)
	r.Submitted = err == nil
	return r, err
}

// job returns the job of a command line of sweep or bench.
func (o *submitCommand) job(c *call, command []string) (cluster.Job, error) {
	j := o.Job
	if len(command) == 0 || (command[0] != "sweep" && command[0] != "bench") {
		return j, usagef("what is submitted is a sweep or a bench").WithHint("%s", c.usageHint())
	}
	j.Command = append([]string{"wiseft"}, command...)
	ordered, _, err := reorder(c.App, j.Command, c.getenv) // an unknown flag is reported here instead of by every worker
	if err != nil {
		return j, err
	}
	given := givenFlags(c.App.Command(command[0]).Flags, ordered[2:])
	for _, name := range []string{"shard", "steal"} {
		if _, ok := given[name]; ok {
			return j, usagef("the job files set the share of each worker; leave --%s out", name)
		}
	}
	var named bool
	if j.Run, named = given["out"]; !named && c.getenv("WISEFT_OUT") != "" {
		j.Run = c.getenv("WISEFT_OUT") // workers may have another environment
		j.Command = slices.Insert(j.Command, len(j.Command)-len(command)+1, "--out", j.Run)
	}
	return j, nil
}

// write writes the job files, all together or none of them.
func (r *submitReport) write(dir string, force bool) (paths []string, err error) {
	var names []string
	for _, f := range r.Files {
		names, paths = append(names, f.Name), append(paths, filepath.Join(dir, f.Name))
	}
	if err := output.CheckFiles(dir, output.Options{Force: force}, names); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	files := &output.Group{Path: paths[len(paths)-1], Options: output.Options{Force: force}}
	defer files.Abort()
	for i, f := range r.Files {
		name := f.Name
		if i == len(r.Files)-1 {
			name = "" // the main file
		}
		out, err := files.Create(name)
		if err == nil {
			_, err = io.WriteString(out, f.Text)
		}
		if err != nil {
			return nil, err
		}
	}
	return paths, files.Commit()
}

func (r *submitReport) writeText(w io.Writer) error {
	if r.Submitted {
		_, err := fmt.Fprintln(w, r.Message)
		return err
	}
	for i, f := range r.Files {
		if len(r.Files) > 1 {
			if i > 0 {
				fmt.Fprintln(w)
			}
			fmt.Fprintf(w, "==> %s <==\n", f.Name)
		}
		if _, err := io.WriteString(w, f.Text); err != nil {
			return err
		}
	}
	return nil
}
