package fit

import (
	"runtime"
	"testing"
)

// A fit makes hundreds of passes. Without shared blocks each takes one more.
func TestPassesShareTheirBlocks(t *testing.T) {
	const passes, d = 100, 500
	v := newView(blobs(blockRows, d, 2), 1)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range passes {
		if err := v.pass(t.Context(), 1, func(*block) {}); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	taken, blocks := after.TotalAlloc-before.TotalAlloc, uint64(passes*blockRows*v.width*8)
	if taken > blocks/2 { // the race detector throws away a quarter of what pools are given
		t.Errorf("%d passes took %d bytes, as much as %.2g blocks each", passes, taken, float64(taken)/float64(blocks))
	}
}
