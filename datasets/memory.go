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
func InMemory(ctx context.Context, ds Dataset, progress func(done, total int)) (*Memory, error) {
	sum, err := ds.Hash(ctx)
	if err != nil {
		return nil, err
	}
	m := &Memory{info: ds.Info(), samples: make([]Sample, ds.Len()), sum: sum}
	if err := m.fill(ctx, ds, progress); err != nil {
		return nil, err
	}
	return m, nil
}

// Memory is a data set that holds its samples.
type Memory struct {
	info    Info
	samples []Sample
	sum     string
}

func (m *Memory) fill(ctx context.Context, ds Dataset, progress func(done, total int)) error {
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

var _ Dataset = (*Memory)(nil)

// Info implements Dataset.
func (m *Memory) Info() Info { return m.info }

// Len implements Dataset.
func (m *Memory) Len() int { return len(m.samples) }

// Label implements Dataset.
func (m *Memory) Label(i int) int64 { return m.samples[i].Label }

// View returns sample i, which stays m's and must not be changed.
func (m *Memory) View(i int) *Sample { return &m.samples[i] }

// Read implements Dataset.
func (m *Memory) Read(ctx context.Context, dst *Sample, i int) error {
	if err := checkIndex(ctx, m.info.Name, i, len(m.samples)); err != nil {
		return err
	}
	s := &m.samples[i]
	dst.Set(s.X, s.Shape, s.Label)
	return nil
}

// Hash implements Dataset.
func (m *Memory) Hash(context.Context) (string, error) { return m.sum, nil }

// Close implements Dataset.
func (m *Memory) Close() error { return nil }
