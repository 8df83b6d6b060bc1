package corrupt

import (
	"context"
	"iter"
	"runtime"
	"sync"

	"github.com/wiseft/wiseft/datasets"
)

// Rows yields the clouds of a data set in order. A cloud is valid until the next one is requested. After an error
// there are no more.
type Rows = iter.Seq2[*Cloud, error]

// CleanRows yields the clouds of ds unchanged.
func CleanRows(ctx context.Context, ds datasets.Dataset) Rows {
	return ordered(ctx, ds, "no corruption", func(int, *Cloud) {})
}

// KeyedRows yields the clouds that Wrap gives, corrupted by several goroutines.
func KeyedRows(ctx context.Context, ds datasets.Dataset, c Corruption, severity int, seed uint64) Rows {
	if err := c.checkCloud(severity); err != nil {
		return func(yield func(*Cloud, error) bool) { yield(nil, err) }
	}
	return ordered(ctx, ds, c.Name, func(i int, cloud *Cloud) {
		cloud.corruptKeyed(&c, severity, seed, i)
		if cloud.Double { // as Wrap, which gives float32
			cloud.round()
			cloud.Double = false
		}
	})
}

// batchSize is how many clouds a goroutine takes at a time: passing a batch on takes about a tenth of the time of the
// fastest corruption of one cloud.
const batchSize = 8

// batch is a run of clouds, and the error of the one that failed, which ends it.
type batch struct {
	clouds []*Cloud
	err    error
}

// ordered reads the samples of ds, applies change to them in several goroutines, and yields them in order. Memory is
// bounded by the number of batches in flight.
func ordered(ctx context.Context, ds datasets.Dataset, what string, change func(i int, cloud *Cloud)) Rows {
	return func(yield func(*Cloud, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		workers := runtime.GOMAXPROCS(0)
		type job struct {
			index int
			done  chan batch
		}
		jobs := make(chan job)
		var wg sync.WaitGroup
		defer wg.Wait()
		defer close(jobs)
		defer cancel()
		for range workers {
			wg.Go(func() {
				var s datasets.Sample
				for j := range jobs {
					j.done <- makeBatch(ctx, ds, what, change, j.index*batchSize, &s)
				}
			})
		}
		n, next := (ds.Len()+batchSize-1)/batchSize, 0
		pending := make([]chan batch, min(n, 4*workers)) // of batch i at i modulo its length
		for i := range pending {
			pending[i] = make(chan batch, 1)
		}
		for i := range n {
			for ; next < min(n, i+len(pending)); next++ {
				jobs <- job{next, pending[next%len(pending)]}
			}
			if !yieldBatch(<-pending[i%len(pending)], yield) {
				return
			}
		}
	}
}

// makeBatch reads and changes a batch that begins at sample first.
func makeBatch(ctx context.Context, ds datasets.Dataset, what string, change func(i int, cloud *Cloud), first int,
	s *datasets.Sample) (b batch) {
	name := ds.Info().Name
	for i := first; i < min(ds.Len(), first+batchSize); i++ {
		if b.err = ds.Read(ctx, s, i); b.err != nil {
			return b
		}
		cloud := clouds.Get().(*Cloud)
		if b.err = cloud.load(s, what, name, i); b.err != nil {
			return b
		}
		change(i, cloud)
		b.clouds = append(b.clouds, cloud)
	}
	return b
}

// yieldBatch yields the clouds of a batch, and reports whether to continue.
func yieldBatch(b batch, yield func(*Cloud, error) bool) bool {
	for _, cloud := range b.clouds {
		more := yield(cloud, nil)
		clouds.Put(cloud)
		if !more {
			return false
		}
	}
	if b.err != nil {
		yield(nil, b.err)
		return false
	}
	return true
}
