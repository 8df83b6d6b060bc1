package main

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft/probe"
)

func newProbeFewShotCommand() *cli.Command {
	return newCommand(&cli.Command{
		Name:      "few-shot",
		Usage:     "k-way n-shot tasks on frozen features: mean and deviation over the folds",
		ArgsUsage: "F.npz [MORE.npz…] | MODEL [MORE…] --fold-files DIR",
		Description: "Every fold draws --way classes, --shot samples of each to fit on and --query to test\n" +
			"on. Features of several models must be of the same samples: they meet the same tasks, and\n" +
			"are compared fold by fold with the first. Published few-shot figures fine-tune the\n" +
			"whole model in every fold; these do not.\n\n" +
			"With --fold-files, the folds are the published ones (0.pkl to 9.pkl of a folder such as\n" +
			"ModelNetFewshot/5way_10shot), and the models themselves run on their clouds.\n\n" +
			"Examples:\n" +
			"  wiseft probe few-shot train.npz --way 5 --shot 10\n" +
			"  wiseft probe few-shot a.onnx b.onnx --fold-files ModelNetFewshot/5way_10shot --points 1024",
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "fold-files", Usage: "`DIR` of fold files, each with the splits train and test", EnvVars: []string{"WISEFT_FOLD_FILES"}},
			&cli.IntFlag{Name: "way", Value: 5, Usage: "classes of a task", EnvVars: []string{"WISEFT_WAY"}},
			&cli.IntFlag{Name: "shot", Value: 10, Usage: "samples of a class to fit on", EnvVars: []string{"WISEFT_SHOT"}},
			&cli.IntFlag{Name: "query", Value: 20, Usage: "samples of a class to test on", EnvVars: []string{"WISEFT_QUERY"}},
			&cli.IntFlag{Name: "folds", Value: 10, Usage: "tasks", EnvVars: []string{"WISEFT_FOLDS"}},
		}, fitFlags(), engineFlags(), dataFlags()),
	}, func(ctx context.Context, c *call) (result, error) {
		if c.String("fold-files") != "" {
			return c.runFoldFiles(ctx)
		}
		return c.runFolds(ctx, "wiseft.probe-few-shot/1", func(f *probe.Features, seed uint64) ([]probe.Episode, error) {
			return probe.Episodes(f.Y, c.Int("way"), c.Int("shot"), c.Int("query"), c.Int("folds"), seed)
		})
	})
}

// runFoldFiles measures models on folds that lie in files.
func (c *call) runFoldFiles(ctx context.Context) (result, error) {
	models := c.Args().Slice()
	if len(models) == 0 {
		return nil, usageError{msg: "missing MODEL", hint: c.usageHint()}
	}
	for _, name := range []string{"way", "shot", "query", "folds"} {
		if c.IsSet(name) {
			return nil, usageError{msg: "--" + name + " is what the files of --fold-files say; leave it out"}
		}
	}
	opt, err := c.fitOptions()
	if err != nil {
		return nil, err
	}
	files, err := foldFiles(c.String("fold-files"))
	if err != nil {
		return nil, err
	}
	r := &foldsReport{Schema: "wiseft.probe-few-shot/1", Solver: opt.Solver, C: opt.C, Seed: opt.Seed, FoldFiles: files}
	for i, path := range models {
		of, err := c.measureFoldFiles(ctx, path, files, opt)
		if err != nil {
			return nil, err
		}
		r.Models = append(r.Models, *of)
		r.Models[i].compare(&r.Models[0])
	}
	return r, nil
}

// foldFiles returns the pickled folds of a folder: 2.pkl before 10.pkl.
func foldFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, inputError{msg: dir + ": no such folder"}
	}
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		if filepath.Ext(e.Name()) == ".pkl" {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	if len(files) == 0 {
		return nil, inputError{msg: dir + ": has no fold files (0.pkl, 1.pkl, ...)"}
	}
	slices.SortFunc(files, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	return files, nil
}

// measureFoldFiles runs one model on all folds.
func (c *call) measureFoldFiles(ctx context.Context, path string, files []string, opt probe.FitOptions) (*foldsOf, error) {
	model, tensor, err := c.loadModel(ctx, path)
	if err != nil {
		return nil, err
	}
	_, session, err := c.openSession(ctx, path, model, tensor)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	of := &foldsOf{Model: path}
	for _, file := range files {
		train, err := c.extractFold(ctx, session, path, file, "train")
		if err != nil {
			return nil, err
		}
		test, err := c.extractFold(ctx, session, path, file, "test")
		if err != nil {
			return nil, err
		}
		if err := of.add(ctx, train, test, opt); err != nil {
			return nil, nameInput(file, err)
		}
	}
	of.summarize()
	return of, nil
}

// extractFold returns the features of one split of a fold file.
func (c *call) extractFold(ctx context.Context, session probe.Extractor, model, file, split string) (_ *probe.Features, err error) {
	layout, err := c.layout()
	if err != nil {
		return nil, err
	}
	opened, data, err := c.openData(file, split)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	f, err := probe.Extract(ctx, session, data, probe.ExtractOptions{Batch: c.batch(), Layout: layout})
	if err != nil {
		return nil, nameModel(model, err)
	}
	return f, nil
}
