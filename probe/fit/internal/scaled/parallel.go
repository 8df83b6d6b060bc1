package scaled

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Parallel calls task(0), ..., task(n-1) on workers goroutines, 0 = GOMAXPROCS, and returns when all have returned.
// Each task writes its own memory only, so that the number of workers never changes a result.
func Parallel(workers, n int, task func(i int)) {
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

// CeilDiv returns a / b rounded up.
func CeilDiv(a, b int) int { return (a + b - 1) / b }
