package wiseft

import (
	"testing"
	"time"

	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// The time that is neither writing nor syncing is divided as that of the workers is, and the largest sum limits.
func TestWriteTimes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reading, computing, writing, syncing time.Duration // of 10 seconds
		fromDisk                             bool
		want                                 WriteTimes
		limit                                Limit
	}{
		"mixing":               {2, 16, 2, 0, false, WriteTimes{1, 7, 2, 0}, LimitProcessor},
		"hashes":               {0, 0, 2, 0, false, WriteTimes{0, 8, 2, 0}, LimitProcessor},
		"copies":               {8, 16, 4, 0, false, WriteTimes{3, 3, 4, 0}, LimitPageCache},
		"cold inputs":          {14, 16, 2, 0, true, WriteTimes{7, 1, 2, 0}, LimitDisk},
		"warm inputs":          {14, 16, 2, 0, false, WriteTimes{7, 1, 2, 0}, LimitPageCache},
		"sync":                 {2, 16, 1, 5, false, WriteTimes{0.5, 3.5, 1, 5}, LimitDisk},
		"cold inputs and sync": {8, 16, 1, 3, true, WriteTimes{3, 3, 1, 3}, LimitDisk},
		"longer than all":      {4, 2, 12, 0, false, WriteTimes{0, 0, 12, 0}, LimitPageCache},
	} {
		times := onnxmerge.Times{Times: onnx.Times{Computing: c.computing * time.Second}, Reading: c.reading * time.Second}
		got := divideTime(10*time.Second, times, c.writing*time.Second, c.syncing*time.Second)
		if *got != c.want || got.limit(c.fromDisk) != c.limit {
			t.Errorf("%s: got %+v and %q, want %+v and %q", name, *got, got.limit(c.fromDisk), c.want, c.limit)
		}
	}
}
