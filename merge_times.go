package wiseft

import (
	"time"

	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// WriteTimes divides the time of a write. Workers read and mix blocks of the output while one goroutine writes them in
// order: where it waits for a block, the time is divided between reading and mixing as that of the workers is.
type WriteTimes struct {
	Reading float64 `json:"reading"` // seconds until the system had the models' bytes in memory, and copied them
	Mixing  float64 `json:"mixing"`  // of computing: mixing, hashes of inputs and output, and all that has no other name
	Writing float64 `json:"writing"` // until the system had taken the output into memory
	Syncing float64 `json:"syncing"` // until the output was on the disk; 0 without waiting for it
}

// Limit is what a write would be shorter without.
type Limit string

// The limits. A system that delays writers because too many of their bytes are not on the disk yet counts as page cache.
const (
	LimitDisk      Limit = "disk"       // waiting for the output to reach it, and for inputs that come from it
	LimitPageCache Limit = "page cache" // copies between the program and the system's memory
	LimitProcessor Limit = "processor"
)

// writeClock measures a write.
type writeClock struct {
	models   []*onnx.Model
	start    time.Time
	read     int64 // bytes of the models before
	fromDisk int64 // bytes that the process had read from a disk before
}

func startWriteClock(list []*onnx.Model) *writeClock {
	return &writeClock{list, time.Now(), bytesOf(list), bytesFromDisk()}
}

// bytesOf returns how many bytes of the models' files were read so far.
func bytesOf(list []*onnx.Model) (size int64) {
	for _, m := range list {
		_, n := m.Reads()
		size += n
	}
	return size
}

// stop returns the parts of the time since the start, what limits it, and the time in seconds.
func (c *writeClock) stop(t onnxmerge.Times, writing, syncing time.Duration) (*WriteTimes, Limit, float64) {
	all := time.Since(c.start)
	w := divideTime(all, t, writing, syncing)
	fromDisk := 2*(bytesFromDisk()-c.fromDisk) > bytesOf(c.models)-c.read
	return w, w.limit(fromDisk), all.Seconds()
}

// divideTime divides the time of a write.
func divideTime(all time.Duration, t onnxmerge.Times, writing, syncing time.Duration) *WriteTimes {
	rest := max(0, all-writing-syncing).Seconds()
	share := 0.0
	if t.Computing > 0 {
		share = min(1, t.Reading.Seconds()/t.Computing.Seconds())
	}
	return &WriteTimes{Reading: share * rest, Mixing: (1 - share) * rest, Writing: writing.Seconds(), Syncing: syncing.Seconds()}
}

// limit returns where most of the time goes. fromDisk is whether most of the bytes that were read came from a disk.
func (w *WriteTimes) limit(fromDisk bool) Limit {
	disk, cache := w.Syncing, w.Writing
	if fromDisk {
		disk += w.Reading
	} else {
		cache += w.Reading
	}
	switch {
	case disk >= max(cache, w.Mixing):
		return LimitDisk
	case cache >= w.Mixing:
		return LimitPageCache
	}
	return LimitProcessor
}
