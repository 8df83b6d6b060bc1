package wiseft

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit"
	"github.com/wiseft/wiseft/probe/protocol"
)

// FoldsResult has the accuracies of a k-fold or few-shot protocol, one entry for every file of features or model.
type FoldsResult struct {
	Solver    string        `json:"solver"`
	C         float64       `json:"C"`
	Seed      uint64        `json:"seed"`
	FoldFiles []string      `json:"fold_files,omitempty"` // instead of seeded folds
	Models    []FoldsOfFile `json:"models"`
}

// FoldsOfFile has the accuracies of one file of features, or of one model that ran on fold files.
type FoldsOfFile struct {
	Features string        `json:"features,omitempty"`
	Model    string        `json:"model,omitempty"`
	Accuracy []float64     `json:"accuracy"` // of every fold
	Mean     float64       `json:"mean"`
	Std      result.Number `json:"std"` // with n - 1; null for one fold
	// Of the differences from the first entry, fold by fold; null for the first.
	MeanDifference result.Number `json:"mean_difference"`
	StdDifference  result.Number `json:"std_difference"`
}

// FoldsOptions says how a probe is fitted in folds, and what of the files of features is read.
type FoldsOptions struct {
	Probe    fit.Options // its Seed draws the folds
	Features FeatureOptions
}

// KFold cross-validates a probe on files of features, with folds stratified by class and drawn by the probe's seed.
// Several files must be of the same samples: they get the same folds and are compared fold by fold with the first.
func KFold(ctx context.Context, files []string, folds int, opt FoldsOptions) (*FoldsResult, error) {
	return opt.crossValidate(ctx, files, func(f *feature.Set) ([]feature.Episode, error) {
		if folds < 2 || folds > f.Len() {
			return nil, fault.Usagef("--folds %d is not within 2 and the %d samples", folds, f.Len())
		}
		episodes := make([]feature.Episode, folds)
		for i, fold := range feature.Folds(f.Y, folds, opt.Probe.Seed) {
			for e := range episodes {
				if e == fold {
					episodes[e].Test = append(episodes[e].Test, i)
				} else {
					episodes[e].Train = append(episodes[e].Train, i)
				}
			}
		}
		return episodes, nil
	})
}

// FewShotTask is a k-way n-shot task, drawn by a seed.
type FewShotTask = protocol.Episodes

// FewShot measures probes on few-shot tasks of frozen features, drawn by the probe's seed. Several files must be of the
// same samples, and get the same tasks.
func FewShot(ctx context.Context, files []string, task FewShotTask, opt FoldsOptions) (*FoldsResult, error) {
	return opt.crossValidate(ctx, files, func(f *feature.Set) ([]feature.Episode, error) {
		return feature.Episodes(f.Y, task.Way, task.Shot, task.Query, task.Folds, opt.Probe.Seed)
	})
}

// crossValidate fits and scores a probe for every fold of every file. draw makes the folds from the first file.
func (opt FoldsOptions) crossValidate(
	ctx context.Context, files []string, draw func(*feature.Set) ([]feature.Episode, error),
) (*FoldsResult, error) {
	r := &FoldsResult{Solver: opt.Probe.Solver, C: opt.Probe.C, Seed: opt.Probe.Seed}
	var episodes []feature.Episode
	var first *feature.Set
	for i, path := range files {
		f, err := opt.Features.read(path, "")
		if err != nil {
			return nil, err
		}
		if i == 0 {
			first = f
			if episodes, err = draw(f); err != nil {
				return nil, err
			}
		}
		a, b := first.Meta.DataHash, f.Meta.DataHash
		if !slices.Equal(f.Y, first.Y) || a != "" && b != "" && a != b {
			return nil, fault.Mismatchf("%s and %s are not features of the same samples", files[0], path)
		}
		of := FoldsOfFile{Features: path}
		for k, e := range episodes {
			fold := fmt.Sprintf("fold %d of %d", k+1, len(episodes))
			if err := of.add(ctx, f.Subset(e.Train, "fitted on "+fold), f.Subset(e.Test, "tested on "+fold), opt.Probe); err != nil {
				return nil, withPath(path, err)
			}
		}
		r.add(of)
	}
	return r, nil
}

// add fits a probe on one fold and appends its accuracy.
func (f *FoldsOfFile) add(ctx context.Context, train, test *feature.Set, opt fit.Options) error {
	accuracy, err := protocol.FoldAccuracy(ctx, train, test, opt)
	f.Accuracy = append(f.Accuracy, accuracy)
	return err
}

// add completes an entry with its mean, its deviation, and the differences from the first.
func (r *FoldsResult) add(f FoldsOfFile) {
	mean, std := protocol.MeanStd(f.Accuracy)
	f.Mean, f.Std = mean, result.Number(std)
	f.MeanDifference, f.StdDifference = result.Number(math.NaN()), result.Number(math.NaN())
	if len(r.Models) > 0 {
		differences := make([]float64, len(f.Accuracy))
		for i, a := range f.Accuracy {
			differences[i] = a - r.Models[0].Accuracy[i]
		}
		mean, std := protocol.MeanStd(differences)
		f.MeanDifference, f.StdDifference = result.Number(mean), result.Number(std)
	}
	r.Models = append(r.Models, f)
}

// FoldFilesOptions says how models run on fold files. Of Data it uses how samples are prepared.
type FoldFilesOptions struct {
	Data    Data
	Tensor  string // the features of every model; "" is found
	Layout  string // of clouds: "bnc", "bcn", or "auto" and ""
	Pool    Pooling
	Probe   fit.Options
	Runtime RuntimeOptions
	Monitor Monitor
}

// FewShotFiles runs models on the published folds of a few-shot benchmark: files 0.pkl to 9.pkl in a folder, each
// with the splits train and test.
func FewShotFiles(ctx context.Context, models []string, folder string, opt FoldFilesOptions) (*FoldsResult, error) {
	if err := checkProbed(opt.Pool); err != nil {
		return nil, err
	}
	files, err := foldFiles(folder)
	if err != nil {
		return nil, err
	}
	r := &FoldsResult{Solver: opt.Probe.Solver, C: opt.Probe.C, Seed: opt.Probe.Seed, FoldFiles: files}
	for _, model := range models {
		of, err := runFoldFiles(ctx, model, files, opt)
		if err != nil {
			return nil, err
		}
		r.add(*of)
	}
	return r, nil
}

// foldFiles returns the pickled folds of a folder, 2.pkl before 10.pkl.
func foldFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Inputf("%s: no such folder", dir)
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
		return nil, fault.Inputf("%s: has no fold files (0.pkl, 1.pkl, ...)", dir)
	}
	slices.SortFunc(files, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	return files, nil
}

// runFoldFiles runs one model on all folds.
func runFoldFiles(ctx context.Context, model string, files []string, opt FoldFilesOptions) (*FoldsOfFile, error) {
	src, err := readModel(ctx, model, opt.Tensor, Data{}, opt.Runtime, opt.Monitor)
	if err != nil {
		return nil, err
	}
	s, err := src.open(ctx, datasets.Info{Name: model}, opt.Runtime, opt.Monitor)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	of := &FoldsOfFile{Model: model}
	for _, file := range files {
		var sets [2]*feature.Set
		for i, split := range []string{"train", "test"} {
			if sets[i], err = s.extractSplit(ctx, file, split, opt); err != nil {
				return nil, err
			}
		}
		if err := of.add(ctx, sets[0], sets[1], opt.Probe); err != nil {
			return nil, withPath(file, err)
		}
	}
	return of, nil
}

// extractSplit returns the features of one split of a file.
func (s *session) extractSplit(
	ctx context.Context, file, split string, opt FoldFilesOptions,
) (_ *feature.Set, err error) {
	layout, err := ParseLayout(opt.Layout)
	if err != nil {
		return nil, err
	}
	source := opt.Data
	source.Path, source.Split = file, split
	data, err := openData(ctx, source, opt.Monitor)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, data.Close()) }()
	return s.extract(ctx, data, probe.ExtractOptions{Batch: opt.Runtime.BatchSize(), Layout: layout, Pool: opt.Pool})
}

// SVMOptions says how features are measured with a linear SVM.
type SVMOptions struct {
	Convention string // "point-m2ae" (the default), "recon", "point-mae"
	Tokens     int    // of a sample, the special ones first, that are pooled as the convention does; 0: pooled already
	Resamples  int    // of the test samples, for 95 % intervals; 0 computes no intervals
	Seed       uint64 // of the resamples
	Features   FeatureOptions
}

// SVMResult is how a linear SVM does on features.
type SVMResult struct {
	Convention string            `json:"convention"`
	Source     string            `json:"source"`
	Tokens     int               `json:"tokens,omitempty"` // that the features were pooled from
	Accuracy   result.Number     `json:"accuracy"`
	MeanClass  result.Number     `json:"mean_class_accuracy"`
	N          int               `json:"n"`
	Intervals  *result.Intervals `json:"intervals,omitempty"`
	Fit        fit.Report        `json:"fit"`
}

// SVM fits a linear SVM on training features and scores it on test features, by the convention of a published method.
func SVM(ctx context.Context, train, test string, opt SVMOptions) (*SVMResult, error) {
	name := cmp.Or(opt.Convention, "point-m2ae")
	convention, err := feature.LookupConvention(name)
	if err != nil {
		return nil, fault.Usagef("there is no convention %s", name).WithHint("there are point-m2ae, recon and point-mae")
	}
	if opt.Tokens < 0 || opt.Resamples < 0 {
		return nil, fault.Usagef("--tokens and --bootstrap must not be negative")
	}
	var sets [2]*feature.Set
	var classes []string // of the training data
	for i, path := range []string{train, test} {
		var err error
		if sets[i], err = opt.Features.readAligned(path, []string{"train", "test"}[i], classes); err != nil {
			return nil, err
		}
		classes = sets[0].Meta.Data.Classes
		if opt.Tokens > 0 {
			if sets[i], err = convention.Pool(sets[i], opt.Tokens); err != nil {
				return nil, withPath(path, err)
			}
		}
	}
	if sets[0].Dim != sets[1].Dim {
		return nil, fault.Mismatchf("%s has features of %d values, %s of %d", train, sets[0].Dim, test, sets[1].Dim)
	}
	p, report, err := protocol.Predict(ctx, sets[0], sets[1], protocol.SVMOptions(convention))
	if err != nil {
		return nil, withPath(train+", "+test, err)
	}
	score := p.Score()
	r := &SVMResult{Convention: convention.Name, Source: convention.Source, Tokens: opt.Tokens,
		Accuracy: score.OA, MeanClass: score.MAcc, N: score.N, Fit: *report}
	if opt.Resamples > 0 {
		r.Intervals = p.Intervals(opt.Resamples, opt.Seed)
	}
	return r, nil
}
