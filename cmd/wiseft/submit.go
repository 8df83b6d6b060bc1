package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft/internal/output"
)

// submitCommand is the options of submit.
type submitCommand struct {
	job
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
			define(&o.Shards, "shards", "`N` workers").or(8),
			define(&o.AtOnce, "at-once", "at most `N` workers at a time").shown("all"),
			define(&o.CPUs, "cpus", "`N` cores of each worker").or(4),
			define(&o.Memory, "mem", "`SIZE` of each worker's memory").shown("8G, or 8Gi for Kubernetes"),
			define(&o.GPUs, "gpus", "`N` GPUs of each worker; the command needs --device cuda too"),
			define(&o.Time, "time", "Slurm: time `LIMIT`; workers that reach it are requeued").or("04:00:00"),
			define(&o.Partition, "partition", "Slurm: `PARTITION`").shown("the site's default"),
			define(&o.Image, "image", "Kubernetes: container `IMAGE` that has wiseft").or("wiseft"),
			define(&o.Claim, "claim", "Kubernetes: persistent volume `CLAIM`, mounted at /data, where the command runs").
				or("wiseft-data"),
			define(&o.Name, "name", "`NAME` of jobs and files").or("wiseft"),
			define(&o.dir, "dir", "`FOLDER` for the job files").or("."),
			define(&o.force, "force", "replace existing job files"),
			define(&o.dryRun, "dry-run", "print the job files, and neither write nor submit them"),
		),
	}, atLeast("slurm or k8s"), o.run)
}

//go:embed submit/*.tmpl
var submitFiles embed.FS

// scheduler is a system that runs jobs.
type scheduler struct {
	memory string // default
	// files are the templates and the suffixes of the job files' names.
	files []struct{ template, suffix string }
	// submit queues the written files and returns a message for the user.
	submit func(ctx context.Context, paths []string) (string, error)
}

var schedulers = map[string]scheduler{
	"slurm": {"8G", []struct{ template, suffix string }{{"array.sbatch.tmpl", ".sbatch"}, {"collect.sbatch.tmpl", "-collect.sbatch"}}, submitSlurm},
	"k8s":   {"8Gi", []struct{ template, suffix string }{{"job.yaml.tmpl", ".yaml"}}, submitK8s},
}

// job has the values for the templates of job files.
type job struct {
	Name, Run, Program, Command, Memory, Time, Partition, Image, Claim string
	CommandJSON                                                        string // a YAML list
	Shards, AtOnce, CPUs, GPUs                                         int
}

// submitReport lists the job files.
type submitReport struct {
	Schema    string    `json:"schema"`
	Submitted bool      `json:"submitted"`
	Files     []jobFile `json:"files"`
	Message   string    `json:"message"`
}

type jobFile struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

func (o *submitCommand) run(ctx context.Context, c *call) (result, error) {
	s, ok := schedulers[c.args[0]]
	if !ok {
		return nil, usagef("%s is neither slurm nor k8s", c.args[0]).WithHint("%s", c.usageHint())
	}
	j := o.job
	if err := j.complete(c, c.args[1:], s); err != nil {
		return nil, err
	}
	r := &submitReport{Schema: "wiseft.submit/1"}
	for _, f := range s.files {
		text, err := j.render(f.template)
		if err != nil {
			return nil, err
		}
		r.Files = append(r.Files, jobFile{j.Name + f.suffix, text})
	}
	if o.dryRun {
		return r, nil
	}
	paths, err := r.write(o.dir, o.force)
	if err != nil {
		return nil, err
	}
	r.Message, err = s.submit(ctx, paths)
	r.Submitted = err == nil
	return r, err
}

// jobName matches names that Slurm, Kubernetes and file systems all accept.
var jobName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?$`)

// complete adds the command that is spread to the flags of how, and checks both.
func (j *job) complete(c *call, command []string, s scheduler) error {
	if len(command) == 0 || (command[0] != "sweep" && command[0] != "bench") {
		return usagef("what is submitted is a sweep or a bench").WithHint("%s", c.usageHint())
	}
	j.Program = "wiseft"
	if j.Memory == "" {
		j.Memory = s.memory
	}
	if j.Shards < 1 || j.CPUs < 1 || j.AtOnce < 0 || j.GPUs < 0 || !jobName.MatchString(j.Name) {
		return usagef("--shards and --cpus must be at least 1, no number negative, and --name of small letters, digits and dashes")
	}
	if i := slices.IndexFunc(command, func(a string) bool { return a == "-o" || a == "--out" }); i >= 0 && i+1 < len(command) {
		j.Run = shellQuote(command[i+1])
	}
	if j.Run == "" {
		return usagef("the command has no folder for the run").WithHint("name one that all workers see with -o RUN")
	}
	if _, _, err := reorder(c.App, append([]string{j.Program}, command...), c.getenv); err != nil {
		return err // reported here instead of by every worker
	}
	for _, a := range command {
		if a == "--shard" || strings.HasPrefix(a, "--shard=") || a == "--steal" {
			return usagef("the job files say which share each worker does; leave %s out", a)
		}
	}
	words := append([]string{j.Program}, command...)
	list, err := json.Marshal(words)
	if err != nil {
		return err
	}
	j.CommandJSON = string(list)
	for i, w := range words {
		words[i] = shellQuote(w)
	}
	j.Command = strings.Join(words, " ")
	return nil
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:,=@%+-]+$`)

// shellQuote writes a word as a shell reads it.
func shellQuote(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

func (j *job) render(name string) (string, error) {
	t, err := template.ParseFS(submitFiles, "submit/"+name)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	err = t.Execute(&b, j)
	return b.String(), err
}

// write writes the job files, or none of them.
func (r *submitReport) write(dir string, force bool) (paths []string, err error) {
	for _, f := range r.Files {
		path := filepath.Join(dir, f.Name)
		if err := output.Check(path, output.Options{Force: force}); err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	for i, f := range r.Files {
		_, err := output.WriteFile(paths[i], func(w io.Writer) error { _, err := io.WriteString(w, f.Text); return err })
		if err != nil {
			return nil, err
		}
	}
	return paths, nil
}

// submitSlurm queues the array, and the collector behind it.
func submitSlurm(ctx context.Context, paths []string) (string, error) {
	array, err := runProgram(ctx, "sbatch", "--parsable", paths[0])
	if err != nil {
		return "", err
	}
	id, _, _ := strings.Cut(array, ";") // "ID;CLUSTER" where there are several
	collect, err := runProgram(ctx, "sbatch", "--parsable", "--dependency=afterany:"+id, paths[1])
	if err != nil {
		return "", fmt.Errorf("the workers are queued as job %s, but the collector is not: %w", id, err)
	}
	return fmt.Sprintf("workers: job %s; then the collector: job %s", id, collect), nil
}

func submitK8s(ctx context.Context, paths []string) (string, error) {
	return runProgram(ctx, "kubectl", "apply", "-f", paths[0])
}

// runProgram runs a program and returns its standard output without the final newline.
func runProgram(ctx context.Context, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		return "", usagef("there is no %s here; the job files are written", program).WithHint("submit them where it is")
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", program, err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(out)), nil
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
