package feature_test

import (
	"bytes"
	"testing"

	"github.com/wiseft/wiseft/internal/memorytest"
	"github.com/wiseft/wiseft/probe/feature"
)

// fuzzMemory reads arbitrary files of features, in memory and with rows left on disk, with their own labels and with those
// of a file.
func fuzzMemory(f *testing.F, limit memorytest.Limit, seeds ...string) {
	f.Helper()
	labels := read(f, "y.npy")
	memorytest.Fuzz(f, memorytest.Files(f, seeds...), limit.Of, func(_ *testing.T, file []byte) {
		r, size := bytes.NewReader(file), int64(len(file))
		_, _ = feature.ReadPart(r, size, feature.Part{})
		_, _ = feature.ReadPart(r, size, feature.Part{Target: "y.npy", Labels: bytes.NewReader(labels), LabelsSize: int64(len(labels))})
		if on, err := feature.Open(r, size); err == nil {
			_, _ = on.Rows(nil, 0, min(on.Len(), 3))
			_ = on.Close()
		}
	})
}

// A word of one letter takes what TestWideTables says, twice.
func FuzzMemoryCSV(f *testing.F) {
	fuzzMemory(f, memorytest.Limit{Fixed: 8 << 20, PerByte: 600}, "testdata/*.csv", "testdata/*.tsv")
}

// Deflate expands a byte to 1,032, of which arrays and strings are made, up to three times.
func FuzzMemoryNPZ(f *testing.F) {
	fuzzMemory(f, memorytest.Limit{Fixed: 8 << 20, PerByte: 3 * 1032 * 16}, "testdata/*.npz")
}

func FuzzMemoryNPY(f *testing.F) {
	fuzzMemory(f, memorytest.Limit{Fixed: 8 << 20, PerByte: 256}, "testdata/*.npy")
}

// A column may have a million values more than the bytes of the file explain: two readings of them are 128 MiB.
func FuzzMemoryParquet(f *testing.F) {
	fuzzMemory(f, memorytest.Limit{Fixed: 160 << 20, PerByte: 2 * 64 * 64}, "testdata/*.parquet")
}
