// Package cluster spreads a sweep or benchmark over the machines of a cluster. A [Scheduler], Slurm or Kubernetes, has
// the job files for workers that run the command wiseft, each with a share of one run, and queues them. [ParseShare]
// is for the workers: it reads which share of the run is theirs.
//
//	slurm, err := cluster.Lookup("slurm")
//	files, err := slurm.Files(cluster.Job{Name: "wiseft", Run: "run", Shards: 8, CPUs: 4, Time: "04:00:00",
//		Command: []string{"wiseft", "bench", "a.onnx", "--train", "d", "--test", "d", "-o", "run"}})
//
// Functions may be called by several goroutines at once.
package cluster

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"unicode"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/text"
)

// Job is a sweep or benchmark, and the workers that compute it. Command, Run, Name, Shards and CPUs are required;
// what only one scheduler uses is left out by the other.
type Job struct {
	Command []string // the program and its arguments, without --shard and --steal, which the job files add
	Run     string   // the folder of the run, as in Command; all workers see it
	Name    string   // of the jobs and their files: lower-case letters, digits and dashes

	Shards int    // workers
	AtOnce int    // workers at a time; 0 is all
	CPUs   int    // cores of each worker
	Memory string // of each worker, in the scheduler's notation; "" is 8 GB
	GPUs   int    // of each worker

	// Time is the time limit for Slurm, such as 04:00:00; "" is the site's default. Workers that reach it are queued
	// again.
	Time      string
	Partition string // Slurm: "" is the site's default
	Image     string // Kubernetes: the container image that has the program; "" is wiseft
	Claim     string // Kubernetes: the persistent volume claim at /data, where the command runs; "" is wiseft-data
}

// File is a job file.
type File struct {
	Name string `json:"name"` // without a folder
	Text string `json:"text"`
}

// Scheduler is a system that queues and runs jobs.
type Scheduler struct {
	name   string
	memory string // the default, in the scheduler's notation
	files  []jobFile
	submit func(ctx context.Context, paths []string) (string, error)
}

// jobFile is a kind of job file.
type jobFile struct {
	suffix string // what its name ends in
	text   func(Job) ([]byte, error)
}

var schedulers = []Scheduler{
	{
		name: "slurm", memory: "8G", submit: submitSlurm,
		files: []jobFile{{".sbatch", script("array.sbatch.tmpl")}, {"-collect.sbatch", script("collect.sbatch.tmpl")}},
	},
	{
		name: "k8s", memory: "8Gi", submit: submitK8s,
		files: []jobFile{{".yaml", kubernetesJob}},
	},
}

// Lookup returns the scheduler of a name: "slurm" or "k8s". The error has the kind Usage of wiseft.KindOf.
func Lookup(name string) (Scheduler, error) {
	i := slices.IndexFunc(schedulers, func(s Scheduler) bool { return s.name == name })
	if i < 0 {
		return Scheduler{}, fault.Usagef("%s is neither slurm nor k8s", name)
	}
	return schedulers[i], nil
}

// Files returns the job files of a job, in the order in which [Scheduler.Submit] takes them. Slurm has an array of
// workers and a job that collects their results; Kubernetes has one Indexed Job, whose last worker collects. An error
// has the kind Usage of wiseft.KindOf: a field of the job is missing or out of range.
func (s Scheduler) Files(j Job) ([]File, error) {
	if err := j.check(); err != nil {
		return nil, err
	}
	j.Memory, j.Image, j.Claim = cmp.Or(j.Memory, s.memory), cmp.Or(j.Image, "wiseft"), cmp.Or(j.Claim, "wiseft-data")
	var files []File
	for _, f := range s.files {
		text, err := f.text(j)
		if err != nil {
			return nil, err
		}
		files = append(files, File{j.Name + f.suffix, string(text)})
	}
	return files, nil
}

// script returns a function that executes a template.
func script(name string) func(Job) ([]byte, error) {
	return func(j Job) ([]byte, error) {
		var text bytes.Buffer
		err := templates.ExecuteTemplate(&text, name, j)
		return text.Bytes(), err
	}
}

// Submit queues the job files that were written to paths, and returns one line that names the jobs. It runs sbatch or
// kubectl. If that is not installed, the error has the kind Usage of wiseft.KindOf.
func (s Scheduler) Submit(ctx context.Context, paths []string) (string, error) {
	return s.submit(ctx, paths)
}

// jobName matches names that Slurm, Kubernetes and file systems all accept.
var jobName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?$`)

func (j Job) check() error {
	if j.Shards < 1 || j.CPUs < 1 || j.AtOnce < 0 || j.GPUs < 0 || !jobName.MatchString(j.Name) {
		return fault.Usagef("--shards and --cpus must be at least 1, no number negative, " +
			"and --name of small letters, digits and dashes")
	}
	if len(j.Command) == 0 {
		return fault.Usagef("the job has no command")
	}
	if j.Run == "" {
		return fault.Usagef("the command has no folder for the run").WithHint("name one that all workers see with -o RUN")
	}
	for _, value := range append([]string{j.Run, j.Memory, j.Time, j.Partition, j.Image, j.Claim}, j.Command...) {
		if strings.ContainsFunc(value, unprintable) {
			return fault.Usagef("%q has a control character, which would begin another line of a job file", value)
		}
	}
	for _, arg := range j.Command {
		if arg == "--shard" || strings.HasPrefix(arg, "--shard=") || arg == "--steal" {
			return fault.Usagef("the job files set the share of each worker; leave %s out", arg)
		}
	}
	return nil
}

// unprintable reports whether a character is a control character or ends a line.
func unprintable(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }

//go:embed *.tmpl
var templateFiles embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"quote": text.ShellWord, "words": text.ShellWords, "option": option,
}).ParseFS(templateFiles, "*.tmpl"))

// option returns the value of an option as sbatch reads it in a script: in double quotes, with backslashes.
func option(value string) string {
	if text.ShellWord(value) == value {
		return value
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}

// submitSlurm queues the array, and the job that collects after it.
func submitSlurm(ctx context.Context, paths []string) (string, error) {
	array, err := runProgram(ctx, "sbatch", "--parsable", paths[0])
	if err != nil {
		return "", err
	}
	id, _, _ := strings.Cut(array, ";") // "ID;CLUSTER" if there are several clusters
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
		return "", fault.Usagef("there is no %s here; the job files are written", program).
			WithHint("submit them on a machine that has it")
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", program, err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(out)), nil
}
