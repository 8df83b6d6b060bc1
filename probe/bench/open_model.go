package bench

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/feature"
)

// openModel is a variant's model, open in the engine.
type openModel struct {
	Variant
	ex     probe.Extractor
	sha256 string // of the whole model; see [Model]
	tensor string
	scores int // class scores of the own head behind the features

	sizeBytes int64 // of the model
}

// openVariant opens the model of a variant of a plan, or of one like those.
func openVariant(ctx context.Context, p *Plan, v Variant, tensor string) (*openModel, error) {
	model, err := v.Model(ctx, tensor)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", v.ID(), err)
	}
	ex, err := p.openChecked(ctx, model, tensor)
	if err != nil {
		if model.Release != nil {
			err = errors.Join(err, model.Release())
		}
		return nil, fmt.Errorf("%s: %w", v.ID(), err)
	}
	if model.Release != nil {
		ex = probe.WithFiles(ex, model.Release)
	}
	if model.SHA256 == "" {
		sum := sha256.Sum256(model.ONNX.Bytes)
		model.SHA256 = hex.EncodeToString(sum[:])
	}
	size := max(model.SizeBytes, int64(len(model.ONNX.Bytes)))
	return &openModel{v, ex, model.SHA256, tensor, model.Scores, size}, nil
}

// openChecked opens a model, and refuses features that it cannot compute beside class scores.
func (p *Plan) openChecked(ctx context.Context, model Model, tensor string) (probe.Extractor, error) {
	ex, err := p.Engine.Open(ctx, model.ONNX, cmp.Or(model.Tensor, tensor), p.fed())
	if err != nil || model.Scores == 0 || len(p.Tests) == 0 {
		return ex, err
	}
	if err := p.checkBeside(ctx, model.ONNX, ex, tensor); err != nil {
		return nil, errors.Join(err, ex.Close())
	}
	return ex, nil
}

// checkBeside refuses features of several positions, of no fixed number, that ex computes flattened and joined with class
// scores. Where their declared shape leaves that open, the features of a test sample are computed by themselves.
func (p *Plan) checkBeside(ctx context.Context, model probe.Source, ex probe.Extractor, tensor string) (err error) {
	for _, o := range ex.Output().Beside {
		if o.Name != tensor || !o.MayHavePositions() {
			continue
		}
		alone, err := p.Engine.Open(ctx, model, tensor, p.fed())
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, alone.Close()) }()
		_, err = probe.Extract(ctx, alone, datasets.Subset(p.Tests[0].Data, []int{0}, "the first sample"),
			probe.ExtractOptions{Batch: p.Batch, Layout: p.Layout})
		return err
	}
	return nil
}

// check returns an error if the model cannot take the first sample of ds.
func (m *openModel) check(ctx context.Context, ds datasets.Dataset, layout probe.Layout) error {
	var s datasets.Sample
	if err := ds.Read(ctx, &s, 0); err != nil {
		return err
	}
	if err := probe.CheckInput(m.ex.Inputs(), ds.Info(), layout, &s); err != nil {
		return fmt.Errorf("%s: %s: sample 0 %w", m.ID(), ds.Info().Name, err)
	}
	return nil
}

// extract passes a data set through the model.
func (m *openModel) extract(ctx context.Context, p *Plan, ds datasets.Dataset,
	progress func(done int)) (*feature.Set, error) {
	f, err := probe.Extract(ctx, m.ex, ds, probe.ExtractOptions{
		Batch: p.Batch, Layout: p.Layout, Pool: p.Pool,
		// Corrupting takes processor time, and the engine leaves at most half of it.
		Workers:  max(1, runtime.GOMAXPROCS(0)/2),
		Progress: func(done, _ int) { progress(done) },
		Meta: feature.Meta{Wiseft: p.Version, Model: m.ID(), ModelSHA256: m.sha256,
			Tensor: m.tensor, Runtime: p.Engine.Runtime()},
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.ID(), err)
	}
	return f, nil
}
