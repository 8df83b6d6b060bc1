package wiseft

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/internal/output"
	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/feature"
)

// FeaturesOptions select the tensor of a model that is extracted, and the data. Data is required.
type FeaturesOptions struct {
	Data    Data
	Tensor  string // any tensor of the model; "" is what [Model.Features] finds
	Layout  string // of clouds: "bnc" (batch, points, 3), "bcn", or "auto" and "", which read it from the model
	Pool    Pooling
	Runtime RuntimeOptions
	Force   bool // replace an existing output
	Monitor Monitor
}

// FeaturesResult describes features that were written.
type FeaturesResult struct {
	Output  string  `json:"output"`
	N       int     `json:"n"`
	Dim     int     `json:"dim"`
	Tensor  string  `json:"tensor"`
	Device  string  `json:"device"`
	Runtime string  `json:"runtime"`
	Rate    float64 `json:"clouds_per_second"`
	Seconds float64 `json:"seconds"`
	// Prepared are the lines of the data's [datasets.Info.History]: what was done to the samples.
	Prepared []string `json:"prepared,omitempty"`
	// Notes are those of the data's [datasets.Info.Notes]: what was taken, and what should be known.
	Notes []string `json:"notes,omitempty"`
}

// ExtractFeatures runs a model over a data set and returns one tensor of it: n rows of float32, with labels and with
// what produced them.
func ExtractFeatures(ctx context.Context, model string, opt FeaturesOptions) (*feature.Set, error) {
	f, _, err := extractFeatures(ctx, model, opt)
	return f, err
}

// WriteFeatures is [ExtractFeatures] into an NPZ file: x (n, d) float32, y (n,) int64, and meta, a JSON text. Features are
// written while they are made, so that their number is no matter of memory. With [Stdio] for out they are written to
// standard output when all are made.
func WriteFeatures(ctx context.Context, out, model string, opt FeaturesOptions) (*FeaturesResult, error) {
	if out == Stdio {
		f, r, err := extractFeatures(ctx, model, opt)
		if err != nil {
			return nil, err
		}
		r.Output = out
		return r, f.Write(os.Stdout)
	}
	replacing := output.Options{Force: opt.Force, Inputs: append(opt.Data.paths(), model)}
	if err := output.Check(out, replacing); err != nil {
		return nil, err
	}
	files, err := modelPaths(model)
	if err != nil {
		return nil, err
	}
	replacing.Inputs = append(replacing.Inputs, files...)
	if err := output.Check(out, replacing); err != nil {
		return nil, err
	}
	var r *FeaturesResult
	err = runFeatures(ctx, model, opt, func(run *featuresRun) error {
		start := time.Now()
		stream, err := probe.NewStream(ctx, run.session, run.data, run.options)
		if err != nil {
			return aboutModel(run.src.path, err)
		}
		defer stream.Close()
		_, err = output.WriteFile(out, replacing, func(w io.Writer) error { return feature.WriteRows(w, stream) })
		if err != nil {
			return aboutModel(run.src.path, err)
		}
		r = run.result(stream.Rest(), start)
		r.Output = out
		return nil
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// extractFeatures returns features and a description of how they were made.
func extractFeatures(ctx context.Context, model string, opt FeaturesOptions) (f *feature.Set, r *FeaturesResult, err error) {
	err = runFeatures(ctx, model, opt, func(run *featuresRun) error {
		start := time.Now()
		var err error
		if f, err = run.session.extract(ctx, run.data, run.options); err == nil {
			r = run.result(f, start)
		}
		return err
	})
	return f, r, err
}

// featuresRun is a model that is ready to be run over data.
type featuresRun struct {
	src     *modelBytes
	session *session
	data    datasets.Dataset
	options probe.ExtractOptions
}

// runFeatures opens a model and data, and has use run them.
func runFeatures(ctx context.Context, model string, opt FeaturesOptions, use func(run *featuresRun) error) (err error) {
	layout, err := ParseLayout(opt.Layout)
	if err == nil {
		err = opt.Pool.Check()
	}
	if err != nil {
		return err
	}
	src, err := readModel(ctx, model, opt.Tensor, opt.Data, opt.Runtime, opt.Monitor)
	if err != nil {
		return err
	}
	data, err := openData(ctx, src.samples, opt.Monitor)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opt.Data.close(data)) }()
	info := data.Info() // before data is hashed, which may add notes to it
	hashed := inBackground(func() (string, error) { return data.Hash(ctx) })
	s, err := src.open(ctx, info, opt.Runtime, opt.Monitor)
	hash, hashErr := hashed()
	if err != nil {
		return cmp.Or(hashErr, err)
	}
	defer s.Close()
	if hashErr != nil {
		return hashErr
	}
	if err := s.checkBatch(ctx, data, layout, opt.Runtime); err != nil {
		return err
	}
	return use(&featuresRun{src, s, data, probe.ExtractOptions{Batch: opt.Runtime.BatchSize(), Layout: layout, Pool: opt.Pool,
		Progress: func(done, total int) { opt.Monitor.progress(Progress{"features", "clouds", done, total}) },
		Meta: feature.Meta{Wiseft: Version, Model: model, ModelSHA256: src.sha256, Tensor: src.tensor,
			Runtime: s.runtime.Engine.Runtime(), DataHash: hash}}})
}

// result describes features that were made since start.
func (r *featuresRun) result(f *feature.Set, start time.Time) *FeaturesResult {
	seconds := time.Since(start).Seconds()
	return &FeaturesResult{N: f.Len(), Dim: f.Dim, Tensor: r.src.tensor, Device: r.session.runtime.Device.String(),
		Runtime: r.session.runtime.Engine.Runtime(), Rate: float64(f.Len()) / seconds, Seconds: seconds,
		Prepared: f.Meta.Data.History, Notes: f.Meta.Data.Notes}
}

// modelBytes is a model in memory or on disk, and the tensor that is to be computed.
type modelBytes struct {
	path, tensor, sha256 string
	samples              Data         // the data, whose arrays are found by the names of the inputs
	source               probe.Source // zero after open
}

// readModel reads a model and finds its features, while onnxruntime is loaded.
func readModel(
	ctx context.Context, path, tensor string, data Data, opt RuntimeOptions, monitor Monitor,
) (_ *modelBytes, err error) {
	loaded := preloadRuntime(ctx, opt)
	defer func() { _, _ = loaded() }()
	m, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	if err := data.checkInputs(m); err != nil {
		return nil, err
	}
	b := &modelBytes{path: path}
	if b.tensor, err = m.featuresFor(ctx, tensor, m.headInput(), data.forModel(m.Model, named(tensor)...), monitor); err != nil {
		return nil, err
	}
	if err := m.checkBatch(b.tensor, opt, monitor); err != nil {
		return nil, err
	}
	b.samples = data.forModel(m.Model, b.tensor)
	b.source, b.sha256, err = m.source(ctx, opt.maxModel())
	return b, err
}

// session computes one tensor of a model.
type session struct {
	probe.Extractor
	path    string
	runtime *Runtime
}

// open loads the runtime and opens a session for data. It releases the model's bytes, and so is called once.
func (b *modelBytes) open(ctx context.Context, data datasets.Info, opt RuntimeOptions, monitor Monitor) (*session, error) {
	r, err := LoadRuntime(ctx, opt, monitor)
	if err != nil {
		return nil, err
	}
	extractor, err := r.Open(ctx, b.source, b.tensor, data)
	if err != nil {
		return nil, withPath(b.path, err)
	}
	b.source = probe.Source{} // the session has a copy
	return &session{extractor, b.path, r}, nil
}

// checkBatch refuses features that depend on the batch, unless the options trust it.
func (s *session) checkBatch(
	ctx context.Context, data datasets.Dataset, layout probe.Layout, opt RuntimeOptions,
) error {
	if opt.TrustBatch {
		return nil
	}
	if err := probe.CheckBatch(ctx, s.Extractor, data, layout, opt.BatchSize()); err != nil {
		return fmt.Errorf("%s: %w", s.path, err)
	}
	return nil
}

// extract runs the session over a data set.
func (s *session) extract(ctx context.Context, data datasets.Dataset, opt probe.ExtractOptions) (*feature.Set, error) {
	f, err := probe.Extract(ctx, s.Extractor, data, opt)
	return f, aboutModel(s.path, err)
}
