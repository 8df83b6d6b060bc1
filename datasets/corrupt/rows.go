package corrupt

import (
	"context"
	"iter"
	"runtime"
	"sync"

	"github.com/wiseft/wiseft/datasets"
)

// Rows are clouds in the order of their data set. A cloud is valid until the next one is
// asked for; an error ends them.
type Rows = iter.Seq2[*Cloud, error]

// CleanRows returns the clouds of ds as they are.
func CleanRows(ctx context.Context, ds datasets.Dataset) Rows {
	return ordered(ctx, ds, "no corruption", func(int, *Cloud) {})
}

// KeyedRows returns the clouds that Wrap gives, corrupted by several goroutines.
func KeyedRows(ctx context.Context, ds datasets.Dataset, c Corruption, severity int, seed uint64) Rows {
	if err := c.check(severity); err != nil {
		return func(yield func(*Cloud, error) bool) { yield(nil, err) }
	}
	return ordered(ctx, ds, c.Name, func(i int, cloud *Cloud) {
		c.Cloud(newRand(seed, c.Name, severity, i), severity, cloud)
		cloud.Double = false // as Wrap
		cloud.round()
	})
}

// job asks for one cloud; done receives it.
type job struct {
	index int
	done  chan result
}

type result struct {
	cloud *Cloud
	err   error
}

// ordered reads the samples of ds, lets change work on them in several goroutines, and
// yields them in order. Memory is bounded by what the goroutines are ahead.
func ordered(ctx context.Context, ds datasets.Dataset, what string, change func(i int, cloud *Cloud)) Rows {
	return func(yield func(*Cloud, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		workers := runtime.GOMAXPROCS(0)
		jobs := make(chan job)
		var wg sync.WaitGroup
		defer wg.Wait()
		defer close(jobs)
		defer cancel()
		for range workers {
			wg.Go(func() {
				var s datasets.Sample
				for j := range jobs {
					cloud := clouds.Get().(*Cloud)
					err := ds.Read(ctx, &s, j.index)
					if err == nil {
						err = cloud.load(&s, what, ds.Info().Name, j.index)
					}
					if err == nil {
						change(j.index, cloud)
					}
					j.done <- result{cloud, err}
				}
			})
		}
		n, next := ds.Len(), 0
		pending := make([]chan result, min(n, 4*workers)) // of cloud i at i modulo its length
		for i := range pending {
			pending[i] = make(chan result, 1)
		}
		for i := range n {
			for ; next < min(n, i+len(pending)); next++ {
				jobs <- job{next, pending[next%len(pending)]}
			}
			r := <-pending[i%len(pending)]
			more := yield(r.cloud, r.err) && r.err == nil
			clouds.Put(r.cloud)
			if !more {
				return
			}
		}
	}
}
