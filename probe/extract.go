package probe

import (
	"context"
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/typed"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/internal/npz"
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
// Consecutive samples of one shape share a batch. Clouds are brought into the model's layout; samples of other shapes
// are passed unchanged. The last batch of a model with a fixed batch length is padded with copies of the last sample,
// whose features are dropped. Features that are NaN or infinite are an error that names the sample. When ctx ends,
// Extract returns ctx's error, and all its goroutines have ended.
func Extract(ctx context.Context, ex Extractor, ds datasets.Dataset, opt ExtractOptions) (*feature.Set, error) {
	feed, err := newFeed(ctx, ex.Inputs(), ds, opt)
	if err != nil {
		return nil, err
	}
	pool, err := newPooler(opt.Pool, feed)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	feed.start(ctx, max(opt.Workers, 1))
	defer feed.wait()
	defer cancel()

	f := &feature.Set{Meta: opt.Meta}
	f.Meta.Schema, f.Meta.Data, f.Meta.Layout, f.Meta.Batch = feature.Schema, ds.Info(), string(feed.layout), feed.length
	for j := range feed.chunks() {
		c, err := feed.next(ctx, j)
		if err != nil {
			return nil, err
		}
		if err := extend(ctx, ex, f, c, ds, pool, opt.Progress); err != nil {
			return nil, err
		}
		feed.recycle(j, c)
	}
	f.Meta.Data.History = append(slices.Clip(f.Meta.Data.History), feed.rounded...)
	pool.record(f, ex.Output().Name)
	return f, nil
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
		for i, b := range c.batches {
			if err := f(b, c.rows[i]); err != nil {
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
	f.plain = len(inputs) == 1 && f.inputs[0].array < 0 && inputs[0].dtype() == typed.Float32
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
		layout, err := opt.Layout.choose(Samples(inputs, ds.Info()))
		if err != nil {
			return nil, err
		}
		f.layout = layout
	}
	return f, nil
}

// extend appends the features of a chunk to f and calls progress, if it is not nil, after every batch.
func extend(ctx context.Context, ex Extractor, f *feature.Set, c *chunk, ds datasets.Dataset, pool *pooler,
	progress func(done, total int)) error {
	first := c.first
	for i, b := range c.batches {
		before := len(f.X)
		x, err := ex.Extract(ctx, f.X, b)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("%s: samples %d to %d: %w", ds.Info().Name, first, first+c.rows[i]-1, err)
		}
		if x, err = pool.pool(x, before, b, ex.Output()); err != nil {
			return fmt.Errorf("%s: samples %d to %d: %w", ds.Info().Name, first, first+c.rows[i]-1, err)
		}
		if f.Dim == 0 {
			f.Dim = (len(x) - before) / int(b.Shape[0])
			x = slices.Grow(x, f.Dim*(ds.Len()+int(b.Shape[0])))
		}
		if f.Dim == 0 || len(x)-before != f.Dim*int(b.Shape[0]) {
			return fault.Inputf("%s: samples %d to %d: model gives %d values for %d samples, want %d each; "+
				"its features depend on the shape of the input",
				ds.Info().Name, first, first+c.rows[i]-1, len(x)-before, b.Shape[0], f.Dim)
		}
		f.X = x[:before+c.rows[i]*f.Dim]
		if bad := npz.FirstNonFinite(f.X[before:]); bad >= 0 {
			return fault.Inputf("%s: sample %d: model gives feature %d as %v",
				ds.Info().Name, first+bad/f.Dim, bad%f.Dim, f.X[before+bad])
		}
		first += c.rows[i]
		if progress != nil {
			progress(first, ds.Len())
		}
	}
	f.Y = append(f.Y, c.labels...)
	return nil
}
