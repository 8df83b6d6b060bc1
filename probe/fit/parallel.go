package fit

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// parallel calls task(0), ..., task(n-1), several at once, and returns when all are
// done. Tasks must not depend on each other's order: each owns what it writes, so
// that the number of workers (0 = GOMAXPROCS) never changes a result.
func parallel(workers, n int, task func(i int)) {
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	workers = min(workers, n)
	if workers <= 1 {
		for i := range n {
			task(i)
		}
		return
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				task(i)
			}
		})
	}
	wg.Wait()
}

// ceilDiv returns a / b rounded up.
func ceilDiv(a, b int) int { return (a + b - 1) / b }
