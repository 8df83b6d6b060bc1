package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"

	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/graph"
	"github.com/wiseft/wiseft/onnxmerge/recipe"
)

// mergeJob is which files are merged, and how.
type mergeJob struct {
	models, fisher []string
	opt            onnxmerge.Options
	dtype          string // that merged weights must have; "" if any
}

// mergeJob reads the arguments and flags of merge, or the recipe that they name.
func (c *call) mergeJob() (*mergeJob, error) {
	if c.String("recipe") != "" {
		return c.recipeJob(c.String("recipe"))
	}
	paths := c.Args().Slice()
	if len(paths) < 2 {
		_, err := c.args("PRETRAINED", "FINETUNED")
		return nil, err
	}
	job := &mergeJob{models: paths, fisher: c.StringSlice("fisher")}
	var err error
	if job.opt, err = c.mergeOptions(); err != nil {
		return nil, err
	}
	job.opt.BackboneOutput = c.String("backbone-output")
	if c.IsSet("alpha") {
		job.opt.Params["alpha"] = c.Float64("alpha")
	}
	return job, nil
}

// recipeJob reads a recipe. Its files are named from its own folder; models on the
// command line take their place.
func (c *call) recipeJob(path string) (*mergeJob, error) {
	for _, flag := range []string{"method", "param", "set", "alpha", "include", "exclude", "fold-bn", "backbone-output", "extrapolate", "fisher"} {
		if c.IsSet(flag) {
			return nil, usageError{msg: fmt.Sprintf("--%s and --recipe exclude each other", flag), hint: "write it into the recipe"}
		}
	}
	r, err := readRecipe(path)
	if err != nil {
		return nil, err
	}
	for _, note := range r.Notes {
		c.say(path + ": " + note)
	}
	job := &mergeJob{opt: r.Options, dtype: r.DType}
	if job.opt.Memory, err = c.size("memory"); err != nil {
		return nil, err
	}
	job.opt.Workers = runtime.NumCPU()
	beside := func(files []string) (paths []string) {
		for _, f := range files {
			if !filepath.IsAbs(f) {
				f = filepath.Join(filepath.Dir(path), filepath.FromSlash(f))
			}
			paths = append(paths, f)
		}
		return paths
	}
	job.models, job.fisher = beside(r.Models), beside(r.Fisher)
	if c.Args().Present() {
		job.models = c.Args().Slice()
	}
	if len(job.models) < 2 {
		return nil, usageError{msg: fmt.Sprintf("%s names %d models, and a merge takes two or more", path, len(job.models)),
			hint: "name them in the recipe (models:) or on the command line"}
	}
	return job, nil
}

// readRecipe reads a recipe file.
func readRecipe(path string) (*recipe.Recipe, error) {
	f, _, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := recipe.Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// files are all files that the job reads.
func (j *mergeJob) files() []string { return append(append([]string(nil), j.models...), j.fisher...) }

// modelFiles are opened models.
type modelFiles []*modelFile

// open opens all files, or none.
func (j *mergeJob) open() (modelFiles, error) { return openModels(j.files()) }

func openModels(paths []string) (modelFiles, error) {
	var list modelFiles
	for _, path := range paths {
		m, err := openModel(path)
		if err != nil {
			return nil, errors.Join(err, list.Close())
		}
		list = append(list, m)
	}
	return list, nil
}

// Close closes all of them.
func (l modelFiles) Close() error {
	var err error
	for _, m := range l {
		err = errors.Join(err, m.Close())
	}
	return err
}

// paths returns the paths of all their files.
func (l modelFiles) paths() (paths []string) {
	for _, m := range l {
		paths = append(paths, m.paths()...)
	}
	return paths
}

func (l modelFiles) graphs() (list []*graph.Model) {
	for _, m := range l {
		list = append(list, m.Model)
	}
	return list
}

// plan plans the job.
func (j *mergeJob) plan(ctx context.Context, models modelFiles) (*onnxmerge.Plan, error) {
	graphs := models.graphs()
	j.opt.Fisher = graphs[len(j.models):]
	plan, err := onnxmerge.NewPlanOf(ctx, graphs[:len(j.models)], j.opt)
	if err != nil || j.dtype == "" {
		return plan, err
	}
	for _, d := range plan.Decisions {
		if d.Action == onnxmerge.Merge && d.DType.String() != j.dtype {
			return nil, mismatchError{fmt.Sprintf("the recipe asks for %s, and tensor %q is %s: a merge keeps the dtypes of its models; remove dtype and out_dtype",
				j.dtype, d.Tensor, d.DType)}
		}
	}
	return plan, nil
}
