package datasets

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// NewMemory returns a data set of the given samples, which it keeps: the caller must not change them. Its hash
// covers all values, shapes and labels, and the class names. It is the simplest way for a format to return what
// it has decoded, if all samples fit into memory. The error is a [*FormatError] if a sample has another number of
// values than its shape, a value that is not finite, or a label that no class has.
func NewMemory(info Info, samples []Sample) (*Memory, error) {
	h := sha256.New()
	writeField(h, "wiseft memory 1")
	writeField(h, strings.Join(info.Classes, "\x00"))
	labels := make([]int64, len(samples))
	for i := range samples {
		s := &samples[i]
		if err := s.check(); err != nil {
			return nil, malformed(info.Name, "sample %d %v", i, err)
		}
		labels[i] = s.Label
		writeField(h, fmt.Sprint(s.Label, s.Shape))
		h.Write(s.AppendBytes(nil))
	}
	if err := checkLabels(labels, info.Classes); err != nil {
		return nil, malformed(info.Name, "%v", err)
	}
	info.History = slices.Clone(info.History)
	return &Memory{info: info, samples: samples, sum: hex.EncodeToString(h.Sum(nil))}, nil
}

// check returns an error unless there are as many finite values as the shape has elements.
func (s *Sample) check() error {
	for _, a := range s.Arrays {
		if err := a.Check(); err != nil {
			return fmt.Errorf("has %w", err)
		}
	}
	if len(s.Arrays) > 0 && len(s.X) == 0 {
		return nil
	}
	size := 1
	for _, n := range s.Shape {
		size *= n
	}
	if len(s.Shape) == 0 || size != len(s.X) {
		return fmt.Errorf("has shape %v and %d values", s.Shape, len(s.X))
	}
	if bad := notFinite(s.X); bad >= 0 {
		return fmt.Errorf("has a value that is not finite (%v) at %d", s.X[bad], bad)
	}
	return nil
}

// InMemory reads all samples of ds once, several at a time, and returns a data set that holds them, with the
// Info and the Hash of ds. The caller may close ds afterwards. progress, unless nil, is called after each sample,
// by one goroutine at a time. The error is that of the first sample that cannot be read.
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
	// Indices are taken in order and every one taken is finished, so that the lowest failure is the same under any
	// scheduling.
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
				m.samples[i] = s.Clone() // of exact length: s may have spare capacity
				finish(i, err)
			}
		})
	}
	wg.Wait()
	return failure
}

var _ Dataset = (*Memory)(nil)

// Info implements Dataset.
func (m *Memory) Info() Info {
	info := m.info
	info.History = slices.Clone(info.History)
	return info
}

// Len implements Dataset.
func (m *Memory) Len() int { return len(m.samples) }

// Label implements Dataset.
func (m *Memory) Label(i int) int64 { return m.samples[i].Label }

// View returns sample i, which m owns: it must not be changed.
func (m *Memory) View(i int) *Sample { return &m.samples[i] }

// Read implements Dataset.
func (m *Memory) Read(ctx context.Context, dst *Sample, i int) error {
	if err := checkIndex(ctx, m.info.Name, i, len(m.samples)); err != nil {
		return err
	}
	s := &m.samples[i]
	dst.setFrom(s)
	return nil
}

// Hash implements Dataset.
func (m *Memory) Hash(context.Context) (string, error) { return m.sum, nil }

// Close implements Dataset.
func (m *Memory) Close() error { return nil }
