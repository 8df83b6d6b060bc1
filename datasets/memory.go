package datasets

import (
	"context"
	"runtime"
	"sync"
)

// InMemory reads all samples of ds once, several at a time, and returns a data set
// that holds them and is otherwise equal: same Info, same Hash. It does not need ds
// any longer, which the caller may close. progress, unless nil, is called after
// each sample by one goroutine at a time. The error is that of the first sample
// that cannot be read.
func InMemory(ctx context.Context, ds Dataset, progress func(done, total int)) (Dataset, error) {
	sum, err := ds.Hash(ctx)
	if err != nil {
		return nil, err
	}
	m := &memory{info: ds.Info(), samples: make([]Sample, ds.Len()), sum: sum}
	if err := m.fill(ctx, ds, progress); err != nil {
		return nil, err
	}
	return m, nil
}

type memory struct {
	info    Info
	samples []Sample
	sum     string
}

func (m *memory) fill(ctx context.Context, ds Dataset, progress func(done, total int)) error {
	var (
		mu         sync.Mutex
		next, done int
		failed     = len(m.samples) // the lowest index that failed
		failure    error
		wg         sync.WaitGroup
	)
	// Indices are handed out in order and every one handed out is finished, so the
	// lowest failure is the same however the goroutines are scheduled.
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		next++
		return next - 1, next <= len(m.samples) && failure == nil
	}
	finish := func(i int, err error) {
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			if i < failed {
				failed, failure = i, err
			}
			return
		}
		done++
		if progress != nil {
			progress(done, len(m.samples))
		}
	}
	for range min(runtime.GOMAXPROCS(0), len(m.samples)) {
		wg.Go(func() {
			var s Sample
			for i, ok := take(); ok; i, ok = take() {
				err := ds.Read(ctx, &s, i)
				m.samples[i] = s.Clone() // no larger than needed, as s may be
				finish(i, err)
			}
		})
	}
	wg.Wait()
	return failure
}

func (m *memory) Info() Info        { return m.info }
func (m *memory) Len() int          { return len(m.samples) }
func (m *memory) Label(i int) int64 { return m.samples[i].Label }

func (m *memory) Read(ctx context.Context, dst *Sample, i int) error {
	if err := checkIndex(ctx, m.info.Name, i, len(m.samples)); err != nil {
		return err
	}
	s := &m.samples[i]
	dst.Set(s.X, s.Shape, s.Label)
	return nil
}

func (m *memory) Hash(context.Context) (string, error) { return m.sum, nil }

func (m *memory) Close() error { return nil }
