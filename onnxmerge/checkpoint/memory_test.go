package checkpoint

import (
	"bytes"
	"testing"

	"github.com/wiseft/wiseft/internal/memorytest"
)

// memoryLimit is of what lists the tensors: an operation of a pickle is a byte and takes an object and its places in lists
// and maps. Tensors that share a storage, and containers that are listed twice, are bounded by maxTensors and maxNames.
var memoryLimit = memorytest.Limit{Fixed: 8 << 20, PerByte: 1024}

// readSome reads a part of a few tensors: payloads may be shared, so that together they are larger than the file.
func readSome(c *Checkpoint, err error) {
	if err != nil {
		return
	}
	for _, x := range c.Tensors[:min(len(c.Tensors), 8)] {
		_ = x.ReadAt(make([]byte, min(x.SizeBytes(), 1<<12)), 0)
	}
}

// fuzzMemory opens arbitrary checkpoints.
func fuzzMemory(f *testing.F, seeds ...string) {
	f.Helper()
	memorytest.Fuzz(f, memorytest.Files(f, seeds...), memoryLimit.Of, func(_ *testing.T, file []byte) { readSome(open(file)) })
}

func FuzzMemorySafetensors(f *testing.F) { fuzzMemory(f, "testdata/*.safetensors") }
func FuzzMemoryPyTorch(f *testing.F)     { fuzzMemory(f, "testdata/*.pth", "testdata/refused/*") }

// FuzzMemoryIndex opens arbitrary indexes of two files.
func FuzzMemoryIndex(f *testing.F) {
	var seeds [][]byte
	for index := range indexes {
		seeds = append(seeds, []byte(index))
	}
	files := shards{"m-1.safetensors": shardOfA, "m-2.safetensors": shardOfB}
	memorytest.Fuzz(f, seeds, memoryLimit.Of, func(_ *testing.T, index []byte) {
		readSome(OpenIndex(bytes.NewReader(index), int64(len(index)), files.open))
		_, _ = IndexFiles(bytes.NewReader(index), int64(len(index)))
	})
}
