package scaled_test

import (
	"testing"

	"github.com/wiseft/wiseft/internal/memorytest"
	"github.com/wiseft/wiseft/probe/fit/internal/fittest"
	"github.com/wiseft/wiseft/probe/fit/internal/scaled"
)

// A fit makes hundreds of passes. If passes did not reuse blocks, each pass would allocate one.
func TestPassesReuseBlocks(t *testing.T) {
	const passes, d = 100, 500
	rows := scaled.New(fittest.Blobs(scaled.BlockRows, d, 2), 1)
	taken := memorytest.Allocated(func() {
		for range passes {
			if err := rows.Pass(t.Context(), 1, func(*scaled.Block) {}); err != nil {
				t.Fatal(err)
			}
		}
	})
	blocks := int64(passes * scaled.BlockRows * rows.Width * 8)
	if taken > blocks/2 { // the race detector drops a quarter of what is put into a pool
		t.Errorf("%d passes took %d bytes, as much as %.2g blocks each", passes, taken, float64(taken)/float64(blocks))
	}
}
