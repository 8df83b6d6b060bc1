package probe

import (
	"context"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/typed"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/feature"
)

// DefaultBatch is the default number of samples of one forward pass. On a CPU, activations should stay in the caches:
// a transformer over 256 points ran 290 clouds a second in batches of 2 to 8, and 103 in batches of 32; a PointNet
// over 512 points 1,200 to 1,320 and 1,130; a small model, whose overhead per sample counts, was as fast in all
// sizes.
const DefaultBatch = 8

// maxFixedBatch is the largest fixed batch length of a model that is accepted. It bounds the memory of a batch, whose
// size a malformed model could choose.
const maxFixedBatch = 1 << 14

// ExtractOptions sets how features are extracted. Zero values are the defaults.
type ExtractOptions struct {
	Batch    int     // samples per forward pass; 0 = DefaultBatch; a model with a fixed batch length uses that
	Layout   Layout  // of clouds; LayoutAuto reads it from the model
	Pool     Pooling // of tensors with more axes than batch and features
	Workers  int     // goroutines that read samples and build batches; 0 = 1. The result does not depend on it.
	Progress func(done, total int)
	// Meta describes model, tensor, runtime and data hash. Extract sets its data, layout and batch.
	Meta feature.Meta
}

// Extract passes every sample of ds through ex and returns the features in the order of the samples. Workers build
// batches while the engine runs.
//
// Samples of one shape share batches where they are near each other: within a megabyte of values, or a batch if that is
// more. Clouds are brought into the model's layout; samples of other shapes are passed unchanged. The last batches of a
// model with a fixed batch length are padded with copies of their last sample, whose features are dropped. Features that
// are NaN or infinite are an error that names the sample. When ctx ends, Extract returns ctx's error, and all its
// goroutines have ended.
func Extract(ctx context.Context, ex Extractor, ds datasets.Dataset, opt ExtractOptions) (*feature.Set, error) {
	s, err := newStream(ctx, ex, ds, opt)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	s.whole = true
	for s.chunk < s.feed.chunks() {
		if err := s.extend(); err != nil {
			return nil, err
		}
	}
	return s.Rest(), nil
}

// EachBatch passes ds to f in the batches in which [Extract] passes it through a model with these inputs, as [Fed] returns
// them. rows is the number of samples in a batch, fewer than its length where it is padded. b is reused after f returns.
func EachBatch(ctx context.Context, inputs []Input, ds datasets.Dataset, opt ExtractOptions,
	f func(b Batch, rows int) error) error {
	feed, err := newFeed(ctx, inputs, ds, opt)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	feed.start(ctx, max(opt.Workers, 1))
	defer feed.wait()
	defer cancel()
	for j := range feed.chunks() {
		c, err := feed.next(ctx, j)
		if err != nil {
			return err
		}
		for _, g := range c.groups {
			if err := f(g.Batch, len(g.samples)); err != nil {
				return err
			}
		}
		feed.recycle(j, c)
	}
	return nil
}

// newFeed finds the values of every input, determines layout and batch length, and checks the options.
func newFeed(ctx context.Context, inputs []Input, ds datasets.Dataset, opt ExtractOptions) (*feed, error) {
	if opt.Batch < 0 || opt.Workers < 0 {
		return nil, fault.Usagef("batch %d and workers %d must not be negative", opt.Batch, opt.Workers)
	}
	if ds.Len() == 0 {
		return nil, fault.Inputf("%s: no samples", ds.Info().Name)
	}
	f := &feed{ds: ds, length: opt.Batch}
	f.held, _ = ds.(*datasets.Memory)
	if f.length == 0 {
		f.length = DefaultBatch
	}
	var err error
	if f.inputs, err = newSources(inputs, ds.Info()); err != nil {
		return nil, err
	}
	f.padded = ds.Info().Padding
	f.plain = f.padded == nil && len(inputs) == 1 && f.inputs[0].array < 0 && inputs[0].dtype() == typed.Float32
	if f.fixed, err = batchOf(f.inputs); err != nil {
		return nil, err
	}
	if f.fixed > 0 {
		f.length = f.fixed
	}
	var s datasets.Sample
	if err := ds.Read(ctx, &s, 0); err != nil {
		return nil, err
	}
	f.cut(int(s.SizeBytes() / 4))
	f.noteRounding(&s)
	if _, cloud := s.Points(); cloud {
		if f.padded != nil {
			return nil, fault.Usagef("%s: clouds are filled up with --pad repeat, which draws points of theirs again, not with %v",
				ds.Info().Name, f.padded.Value)
		}
		layout, err := opt.Layout.choose(Samples(inputs, ds.Info()))
		if err != nil {
			return nil, err
		}
		f.layout = layout
	}
	return f, nil
}
