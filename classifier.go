package wiseft

import (
	"cmp"
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/output"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/surgery"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit"
	"github.com/wiseft/wiseft/probe/report"
)

// ReadClassifier reads a probe's NPZ file.
func ReadClassifier(path string) (*fit.Classifier, error) {
	return readNPZ(path, fit.ReadClassifier)
}

func readNPZ[T any](path string, read func(io.ReaderAt, int64) (*T, error)) (*T, error) {
	f, size, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	v, err := read(f, size)
	if err != nil {
		return nil, withPath(path, err)
	}
	return v, nil
}

// FitOptions says how a probe is fitted to a file of features.
type FitOptions struct {
	Probe fit.Options // the solver and its parameters; Init is set by Start and HeadOf
	// Cs are values of C to choose from, by accuracy on Val or on folds of the training data; nil is Probe.C alone.
	Cs    []float64
	Val   string // file of features that choose C
	Folds int    // of the training data that choose C; 0 is 5 without Val

	// Features names the parts of the files of features.
	Features FeatureOptions

	Start  string // file of a probe to start from
	HeadOf string // model whose classifier is the start; "finetuned" is the model that the features are from
	// OnDisk leaves the features in their file and reads them block by block, so that they may be larger than memory.
	OnDisk bool
	Force  bool // replace an existing output
}

// FitResult describes a probe that was fitted and written.
type FitResult struct {
	Output string          `json:"output"`
	Path   []fit.PathPoint `json:"path,omitempty"` // what C was chosen from
	fit.Report
}

// Fit trains a probe on a file of features, to its optimum, and writes it. Package probe/fit does the same in memory.
func Fit(ctx context.Context, out, features string, opt FitOptions) (*FitResult, error) {
	replacing := output.Options{Force: opt.Force, Inputs: []string{features, opt.Val, opt.Start, opt.Features.Target}}
	if opt.HeadOf != "" && opt.HeadOf != "finetuned" {
		replacing.Inputs = append(replacing.Inputs, opt.HeadOf)
	}
	if err := output.Check(out, replacing); err != nil {
		return nil, err
	}
	start, err := opt.start(features)
	if err != nil {
		return nil, err
	}
	opt.Probe.Init = start
	if len(opt.Cs) == 1 {
		opt.Probe.C, opt.Cs = opt.Cs[0], nil
	}
	fitted := &fit.PathResult{}
	if opt.OnDisk {
		fitted.Classifier, fitted.Report, err = fitOnDisk(ctx, features, opt)
	} else {
		fitted, err = fitInMemory(ctx, features, opt)
	}
	if err != nil {
		return nil, err
	}
	_, err = output.WriteFile(out, replacing, fitted.Classifier.Write)
	return &FitResult{out, fitted.Points, fitted.Report}, err
}

// fitInMemory fits with one C, or chooses among several. With one, the result has no points.
func fitInMemory(ctx context.Context, file string, opt FitOptions) (*fit.PathResult, error) {
	f, err := opt.Features.read(file, "train")
	if err != nil {
		return nil, err
	}
	if opt.Cs == nil {
		if opt.Val != "" || opt.Folds != 0 {
			return nil, fault.Usagef("--val and --folds choose among several values of --C, and there is one")
		}
		cl, report, err := fit.Fit(ctx, f, opt.Probe)
		return &fit.PathResult{Classifier: cl, Report: report}, withPath(file, err)
	}
	path := fit.PathOptions{Cs: opt.Cs, Folds: opt.Folds, Seed: opt.Probe.Seed}
	if opt.Val != "" {
		if path.Val, err = opt.Features.readAligned(opt.Val, "val", f.Meta.Data.Classes); err != nil {
			return nil, err
		}
	} else if path.Folds == 0 {
		path.Folds = 5
	}
	chosen, err := fit.Path(ctx, f, opt.Probe, path)
	return chosen, withPath(file, err)
}

// fitOnDisk fits on features that stay in their file.
func fitOnDisk(ctx context.Context, file string, opt FitOptions) (cl *fit.Classifier, r fit.Report, err error) {
	if opt.Cs != nil || opt.Val != "" || opt.Folds != 0 {
		return nil, r, fault.Usagef("--blockwise fits with one value of --C, without folds")
	}
	err = opt.Features.open(file, "train", func(t *feature.File) (err error) {
		cl, r, err = fit.Fit(ctx, t, opt.Probe)
		return withPath(file, err)
	})
	return cl, r, err
}

// start returns the classifier that the solver starts from; nil is none.
func (opt FitOptions) start(features string) (cl *fit.Classifier, err error) {
	if opt.Start == "" && opt.HeadOf == "" {
		return nil, nil
	}
	if opt.Start != "" && opt.HeadOf != "" {
		return nil, fault.Usagef("--init and --head-init are two starts; choose one")
	}
	solver, err := fit.LookupSolver(cmp.Or(opt.Probe.Solver, fit.DefaultSolver))
	if err != nil {
		return nil, err
	}
	if solver.Start == "" {
		return nil, fault.Usagef("the solver %s takes no start", solver.Name).WithHint("leave out --init and --head-init")
	}
	if opt.Start != "" {
		return ReadClassifier(opt.Start)
	}
	err = opt.Features.open(features, "train", func(t *feature.File) (err error) {
		model := opt.HeadOf
		if model == "finetuned" {
			if model = t.Info().Model; model == "" {
				return fault.Usagef("%s does not say which model it is from", features).WithHint("name it with --head-init MODEL")
			}
		}
		cl, err = headOf(model, t, solver.Name)
		return err
	})
	return cl, err
}

// headOf reads the own head of a model, which must have the classes and the width of the features, for a solver.
func headOf(path string, f feature.Table, solver string) (_ *fit.Classifier, err error) {
	m, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	tensor, err := m.Features(f.Info().Tensor)
	if err != nil {
		return nil, err
	}
	cl, err := m.ownHead(tensor, solver)
	if err != nil {
		return nil, withPath(path, err)
	}
	classes := len(f.Info().Data.Classes)
	for _, label := range f.Labels() {
		classes = max(classes, int(label)+1)
	}
	if len(cl.Classes) != classes || cl.Dim != f.Width() {
		return nil, fault.Mismatchf("the classifier of %s has %d classes and takes %d values, "+
			"the features are of %d classes and %d values", path, len(cl.Classes), cl.Dim, classes, f.Width())
	}
	return cl, nil
}

// ScoreOptions says how a probe is scored.
type ScoreOptions struct {
	Features  FeatureOptions
	Resamples int    // of the test samples, for 95 % intervals; 0 computes no intervals
	Seed      uint64 // of the resamples
	Picture   string // file for a drawing of the confusion matrix (.png or .svg); "" draws none
	Force     bool   // replace an existing picture
}

// ScoreResult is how a probe does on features.
type ScoreResult struct {
	N            int               `json:"n"`
	Accuracy     result.Number     `json:"accuracy"`
	MeanClass    result.Number     `json:"mean_class_accuracy"`
	NLL          result.Number     `json:"nll"`
	ECE          result.Number     `json:"ece"`
	ECEEqualMass result.Number     `json:"ece_equal_mass"`
	Brier        result.Number     `json:"brier"`
	Intervals    *result.Intervals `json:"intervals,omitempty"` // 95 %, from resampled test samples
	Confusion    [][]int           `json:"confusion"`           // row = label, column = prediction
	Classes      []string          `json:"classes"`
}

// Score scores a probe's file on a file of features, which must be of the tensor that it was fitted on.
func Score(classifier, features string, opt ScoreOptions) (*ScoreResult, error) {
	if opt.Picture != "" {
		if ext := filepath.Ext(opt.Picture); ext != ".png" && ext != ".svg" {
			return nil, fault.Usagef("--confusion %s ends in neither .png nor .svg", opt.Picture)
		}
		if err := output.Check(opt.Picture,
			output.Options{Force: opt.Force, Inputs: []string{classifier, features, opt.Features.Target}}); err != nil {
			return nil, err
		}
	}
	cl, err := ReadClassifier(classifier)
	if err != nil {
		return nil, err
	}
	f, err := opt.Features.readAligned(features, "test", cl.Classes)
	if err != nil {
		return nil, err
	}
	if cl.Dim != f.Dim {
		return nil, fault.Mismatchf("%s takes features of %d values, %s has %d", classifier, cl.Dim, features, f.Dim)
	}
	if a, b := cl.Meta.Tensor, f.Meta.Tensor; a != "" && b != "" && a != b {
		return nil, fault.Mismatchf("%s was fitted on tensor %q, %s holds tensor %q", classifier, a, features, b)
	}
	if a, b := cl.Meta.Features.Pool, f.Meta.Pool; cl.Meta.Tensor != "" && f.Meta.Tensor != "" && a.String() != b.String() {
		return nil, fault.Mismatchf("%s was fitted on features pooled by %s, %s holds features pooled by %s", classifier, a,
			features, b)
	}
	p, err := result.Predict(cl, f)
	if err != nil {
		return nil, withPath(features, err)
	}
	s := p.Score()
	r := &ScoreResult{s.N, s.OA, s.MAcc, s.NLL, s.ECE, s.ECEEqualMass, s.Brier, nil, s.Confusion, cl.Classes}
	if opt.Resamples > 0 {
		r.Intervals = p.Intervals(opt.Resamples, opt.Seed)
	}
	if opt.Picture != "" {
		_, err = output.WriteFile(opt.Picture, output.Options{Force: opt.Force}, func(w io.Writer) error {
			return report.Confusion(w, strings.TrimPrefix(filepath.Ext(opt.Picture), "."), s.Confusion, cl.Classes)
		})
	}
	return r, err
}

// AttachOptions says how a probe becomes the head of a model.
type AttachOptions struct {
	Tensor   string  // that the probe reads; "" is the one that it was fitted on
	Pool     Pooling // of features whose file does not say how they were pooled; the zero value is that of the probe's features
	IntoHead bool    // write a linear probe into the model's own classifier, and change nothing else
	Float64  bool    // compute the head in double precision; its weights stay float32
	Softmax  bool    // output probabilities instead of scores
	Force    bool    // replace an existing output
	// Weights is an NPY file with a row of weights for each class, such as embeddings of its name, in the place of a probe.
	// Scores are Scale times the product with a row; Scale 0 is 1. With Unit, features are divided by their Euclidean norm
	// first.
	Weights string
	Unit    bool
	Scale   float64
}

// AttachResult describes a model with a probe as its head.
type AttachResult struct {
	Output  string   `json:"output"`
	Tensor  string   `json:"tensor"`
	Scores  string   `json:"scores"` // the new model's output
	Dim     int      `json:"dim"`
	Classes []string `json:"classes"`
	Bytes   int64    `json:"bytes"`
	SHA256  string   `json:"sha256"`
}

// Attach writes a model whose only output, scores, is what a probe computes from one of the model's tensors. What the
// scores do not depend on, such as the old head, is left out. With IntoHead it replaces the weights of the model's own
// classifier instead, and keeps operators and outputs. With AttachOptions.Weights, classifier is "".
func Attach(ctx context.Context, out, model, classifier string, opt AttachOptions) (_ *AttachResult, err error) {
	if err := opt.check(classifier); err != nil {
		return nil, err
	}
	replacing := output.Options{Force: opt.Force, Inputs: []string{model, classifier, opt.Weights}}
	if err := output.Check(out, replacing); err != nil {
		return nil, err
	}
	m, err := Open(model)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	replacing.Inputs = append(replacing.Inputs, m.Paths()...)
	if err := output.Check(out, replacing); err != nil {
		return nil, err
	}
	cl, err := opt.read(classifier)
	if err != nil {
		return nil, err
	}
	tensor := opt.Tensor
	if tensor == "" {
		tensor = cl.Meta.Tensor
	}
	if tensor, err = m.Features(tensor); err != nil {
		return nil, err
	}
	if cl.Neighbors != nil {
		return nil, fault.Mismatchf("%s is a probe of the solver knn, which has no layers to attach; fit another solver",
			classifier)
	}
	head := newHead(cl, tensor)
	if head.BatchAxis, err = batchAxis(m.Model, tensor, cl.Meta.Features.BatchAxis); err != nil {
		return nil, withPath(model, err)
	}
	if head.Pool, err = opt.pool(m.Model, tensor, cl.Meta.Features.Pool); err != nil {
		return nil, withPath(model, err)
	}
	head.Softmax, head.Float64, head.Unit = opt.Softmax, opt.Float64, opt.Unit
	write := func(w io.Writer) error { return surgery.Attach(ctx, w, m.Model, head) }
	if opt.IntoHead {
		if write, err = intoHead(ctx, m.Model, head); err != nil {
			return nil, withPath(model, err)
		}
	}
	written, err := output.WriteFile(out, replacing, func(w io.Writer) error {
		return errors.Join(write(w), m.checkUnchanged())
	})
	if err != nil {
		return nil, withPath(model, err)
	}
	return &AttachResult{out, tensor, head.Output, cl.Dim, cl.Classes, written.SizeBytes, written.SHA256}, nil
}

// intoHead returns a function that writes the model with a linear probe as its own classifier's weights.
func intoHead(ctx context.Context, m *onnx.Model, head surgery.Head) (func(w io.Writer) error, error) {
	if head.Pool != nil || head.BatchAxis != 0 {
		return nil, fault.Usagef("--into-head writes into a classifier that reads %q as it is, and the probe's features are pooled "+
			"or have the samples along another axis than the first", head.Tensor)
	}
	if head.Softmax || head.Float64 || head.Unit || len(head.Layers) != 1 {
		return nil, fault.Usagef("--into-head takes a linear probe, and none of --softmax, --float64 and --unit-features")
	}
	c, err := surgery.FindClassifier(m, head.Tensor)
	if err != nil {
		return nil, err
	}
	return func(w io.Writer) error { return c.Write(ctx, w, head.Layers[0], head.Classes) }, nil
}

// newHead returns a probe with layers as a head that reads tensor.
func newHead(cl *fit.Classifier, tensor string) surgery.Head {
	head := surgery.Head{Tensor: tensor, Output: "scores", Classes: cl.Classes, Mean: cl.Mean}
	for _, l := range cl.Layers {
		head.Layers = append(head.Layers, surgery.HeadLayer{Weight: l.W, Bias: l.B, Activation: string(l.Act)})
	}
	return head
}
