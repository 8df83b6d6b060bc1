package probe

import (
	"context"
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/internal/npz"
)

// Stream passes a data set through a model as [Extract] does, and holds the features of a part of the samples at a time. It
// implements [feature.Rows]. Close it.
type Stream struct {
	ctx      context.Context // of all passes
	cancel   context.CancelFunc
	ex       Extractor
	ds       datasets.Dataset
	feed     *feed
	pool     *pooler
	progress func(done, total int)

	set   *feature.Set // X has the rows from first on
	first int
	chunk int  // that is read next
	whole bool // X keeps all rows
	done  bool // the set has labels and meta
}

// NewStream begins with the first samples, whose features say how wide the rows are. ctx is that of all passes.
func NewStream(ctx context.Context, ex Extractor, ds datasets.Dataset, opt ExtractOptions) (*Stream, error) {
	s, err := newStream(ctx, ex, ds, opt)
	if err != nil {
		return nil, err
	}
	if err := s.extend(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// newStream returns a stream that has passed nothing.
func newStream(ctx context.Context, ex Extractor, ds datasets.Dataset, opt ExtractOptions) (*Stream, error) {
	feed, err := newFeed(ctx, ex.Inputs(), ds, opt)
	if err != nil {
		return nil, err
	}
	pool, err := newPooler(opt.Pool, feed)
	if err != nil {
		return nil, err
	}
	s := &Stream{ex: ex, ds: ds, feed: feed, pool: pool, progress: opt.Progress, set: &feature.Set{Meta: opt.Meta}}
	m := &s.set.Meta
	m.Schema, m.Data, m.Layout, m.Batch = feature.Schema, ds.Info(), string(feed.layout), feed.length
	s.ctx, s.cancel = context.WithCancel(ctx)
	feed.start(s.ctx, max(opt.Workers, 1))
	return s, nil
}

// Close ends the goroutines of the stream.
func (s *Stream) Close() {
	s.cancel()
	s.feed.wait()
}

// Len implements feature.Rows.
func (s *Stream) Len() int { return s.ds.Len() }

// Axes implements feature.Rows.
func (s *Stream) Axes() []int {
	if axes := s.pool.axes(); axes != nil {
		return axes
	}
	return []int{s.set.Dim}
}

// Row implements feature.Rows: rows must be read in their order.
func (s *Stream) Row(i int) ([]float32, error) {
	for i >= s.set.Len() {
		s.first, s.set.X = s.set.Len(), s.set.X[:0]
		if err := s.extend(); err != nil {
			return nil, err
		}
	}
	return s.set.Row(i - s.first), nil
}

// Rest implements feature.Rows: after the last row, labels and what produced the features.
func (s *Stream) Rest() *feature.Set {
	if s.done {
		return s.set
	}
	s.done = true
	m := &s.set.Meta
	m.Data.History = append(slices.Clip(m.Data.History), s.feed.rounded...)
	s.pool.record(s.set, s.ex.Output().Name)
	return s.set
}

// extend appends the features of the next chunk.
func (s *Stream) extend() error {
	c, err := s.feed.next(s.ctx, s.chunk)
	if err != nil {
		return err
	}
	start, passed := len(s.set.X), c.first
	for i := range c.groups {
		if err := s.pass(&c.groups[i]); err != nil {
			return err
		}
		passed += len(c.groups[i].samples)
		if s.progress != nil {
			s.progress(passed, s.ds.Len())
		}
	}
	c.restoreOrder(s.set.X[start:], s.set.Dim)
	s.set.Y = append(s.set.Y, c.labels...)
	s.feed.recycle(s.chunk, c)
	s.chunk++
	return nil
}

// pass appends the features of a batch.
func (s *Stream) pass(g *group) error {
	f, name := s.set, s.ds.Info().Name
	before, length, rows := len(f.X), int(g.Shape[0]), len(g.samples)
	x, err := s.ex.Extract(s.ctx, f.X, g.Batch)
	if err == nil {
		x, err = s.pooled(x, before, g.Batch)
	}
	if err != nil {
		if s.ctx.Err() != nil {
			return s.ctx.Err()
		}
		return fmt.Errorf("%s: %s: %w", name, g, err)
	}
	if f.Dim == 0 {
		if f.Dim = (len(x) - before) / length; s.whole {
			x = slices.Grow(x, f.Dim*(s.ds.Len()+length))
		}
	}
	if f.Dim == 0 || len(x)-before != f.Dim*length {
		return fault.Inputf("%s: %s: model gives %d values for %d samples, want %d each; "+
			"its features depend on the shape of the input", name, g, len(x)-before, length, f.Dim)
	}
	f.X = x[:before+rows*f.Dim]
	if bad := npz.FirstNonFinite(f.X[before:]); bad >= 0 {
		return fault.Inputf("%s: sample %d: model gives feature %d as %v", name, g.samples[bad/f.Dim], bad%f.Dim, f.X[before+bad])
	}
	return nil
}

// pooled makes the rows of a pass, which are the end of x from before on, rows of features.
func (s *Stream) pooled(x []float32, before int, b Batch) ([]float32, error) {
	out, err := rows(x, before, b.Shape[0], s.ex.Output())
	if err != nil {
		return x, err
	}
	if m := &s.set.Meta; s.set.Dim == 0 {
		m.BatchAxis = out.BatchAxis
	} else if m.BatchAxis != out.BatchAxis {
		return x, fault.Inputf("tensor %q has shape %v with the batch axis first, and no batch axis for other samples", out.Name,
			out.Shape)
	}
	return s.pool.pool(x, before, b, out)
}

// String names the samples of a batch.
func (g *group) String() string {
	first, last := g.samples[0], g.samples[len(g.samples)-1]
	if last-first == len(g.samples)-1 {
		return fmt.Sprintf("samples %d to %d", first, last)
	}
	return fmt.Sprintf("%d samples from %d to %d", len(g.samples), first, last)
}

// restoreOrder moves rows, which have the order of the batches, to that of the samples.
func (c *chunk) restoreOrder(x []float32, dim int) {
	var order []int // the sample of every row
	for i := range c.groups {
		order = append(order, c.groups[i].samples...)
	}
	if slices.IsSorted(order) {
		return
	}
	from := slices.Clone(x)
	for row, sample := range order {
		copy(x[(sample-c.first)*dim:][:dim], from[row*dim:])
	}
}
