package probe

import (
	"context"
	"fmt"
	"sync"

	"github.com/wiseft/wiseft/datasets"
)

// chunk is a contiguous range of samples as batches that are ready to run. Samples of one shape share batches, wherever
// they are in the range.
type chunk struct {
	first  int // index of the first sample
	groups []group
	labels []int64
	err    error
}

// group is a batch and the samples in it, which are fewer than its length where it is padded.
type group struct {
	Batch
	samples []int // indices in the order of the rows, ascending
	columns []column
	shapes  [][]int64 // where samples are padded, of every sample's values for every input
}

// column is the memory of one input's values in a batch.
type column struct {
	values []float32 // of the only input, if that is float32
	data   []byte    // of another one, in its type
	text   []string
}

// feed reads the samples of a data set and builds batches while the engine runs. Worker w of W makes chunks w, w+W,
// w+2W, ... in the order in which they are consumed, and owns two chunks, so that it fills one while the other runs.
//
// Samples in memory need no worker: building their batch when it is needed takes less time than passing it between
// goroutines, and workers beside the engine interrupt its threads: 3 to 4 % of the forward passes of a PointNet of
// 0.8 M parameters.
type feed struct {
	ds     datasets.Dataset
	held   *datasets.Memory // ds, if it is in memory
	inputs []source
	plain  bool              // the only input is float32: batches have X instead of arrays
	layout Layout            // of clouds
	length int               // samples per batch
	fixed  int               // batch length that the model requires, or 0
	padded *datasets.Padding // nil keeps samples of different lengths apart
	starts []int             // the first sample of every chunk, and the end

	rounded []string // lines for the history about inputs whose values are rounded

	ready, free []chan *chunk // one per worker
	wg          sync.WaitGroup
	only        chunk // the only chunk of a feed without workers
}

// chunkValues is how many values a chunk may have, unless one batch has more. An engine on the CPU uses all cores,
// and a worker that makes a chunk interrupts it: with chunks of one small batch that cost 5 % of the forward passes
// of a small model.
const chunkValues = 1 << 18

// cut divides the samples, of size values each, into chunks: first one batch, so that the engine starts early, then
// twice as many samples each time.
func (f *feed) cut(size int) {
	most := f.length * max(1, chunkValues/max(1, f.length*size))
	if f.held != nil && !f.mixed() {
		most = f.length
	}
	span := f.length
	for i := 0; i < f.ds.Len(); i += span {
		if i > 0 {
			span = min(2*span, most)
		}
		f.starts = append(f.starts, i)
	}
	f.starts = append(f.starts, f.ds.Len())
}

// mixed reports whether samples in memory have several shapes, so that it pays to look for those of one shape.
func (f *feed) mixed() bool {
	for i := range f.held.Len() {
		if !sameShape(f.held.View(0), f.held.View(i)) {
			return true
		}
	}
	return false
}

// chunks returns the number of chunks.
func (f *feed) chunks() int { return len(f.starts) - 1 }

// start launches the workers. They end when all chunks are made, a chunk fails, or ctx ends; wait returns when all
// have ended.
func (f *feed) start(ctx context.Context, workers int) {
	if f.held != nil {
		return
	}
	workers = min(workers, f.chunks())
	for w := range workers {
		ready, free := make(chan *chunk, 2), make(chan *chunk, 2)
		free <- &chunk{}
		free <- &chunk{}
		f.ready, f.free = append(f.ready, ready), append(f.free, free)
		f.wg.Go(func() { f.work(ctx, w, workers, ready, free) })
	}
}

func (f *feed) wait() { f.wg.Wait() }

func (f *feed) work(ctx context.Context, w, workers int, ready, free chan *chunk) {
	var s datasets.Sample
	for j := w; j < f.chunks(); j += workers {
		var c *chunk
		select {
		case c = <-free:
		case <-ctx.Done():
			return
		}
		c.err = f.fill(ctx, c, &s, f.starts[j], f.starts[j+1])
		ready <- c // does not block: the channel holds as many chunks as a worker owns
		if c.err != nil {
			return
		}
	}
}

// next waits for chunk j. The caller returns it by recycle.
func (f *feed) next(ctx context.Context, j int) (*chunk, error) {
	if f.held != nil {
		return &f.only, f.fill(ctx, &f.only, nil, f.starts[j], f.starts[j+1])
	}
	select {
	case c := <-f.ready[j%len(f.ready)]:
		return c, c.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (f *feed) recycle(j int, c *chunk) {
	if f.held == nil {
		f.free[j%len(f.free)] <- c
	}
}

// read returns sample i. It is read into s unless the data set is in memory.
func (f *feed) read(ctx context.Context, s *datasets.Sample, i int) (*datasets.Sample, error) {
	if f.held != nil {
		return f.held.View(i), nil
	}
	return s, f.ds.Read(ctx, s, i)
}

// fill makes the chunk of the samples first to end-1. They are read into s, unless they are in
// memory.
func (f *feed) fill(ctx context.Context, c *chunk, s *datasets.Sample, first, end int) error {
	c.begin(first)
	for i := first; i < end; i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		s, err := f.read(ctx, s, i)
		if err != nil {
			return err
		}
		if err := f.add(c, s, i); err != nil {
			return fmt.Errorf("%s: sample %d %w", f.ds.Info().Name, i, err)
		}
		c.labels = append(c.labels, s.Label)
	}
	return f.finish(c)
}
