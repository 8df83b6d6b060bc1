package probe

import (
	"bytes"
	"testing"

	"github.com/wiseft/wiseft/probe/feature"
)

// TestStreamWritesWhatExtractReturns compares features that are written while they are made with a set, for samples of
// several chunks, and checks that a stream holds the rows of one chunk alone.
func TestStreamWritesWhatExtractReturns(t *testing.T) {
	t.Parallel()
	const points = 20000 // a chunk is one batch
	data := &fakeData{n: 100, fail: -1, shape: func(int) []int { return []int{3, points} }}
	for _, mode := range []string{"", PoolMean, PoolNone} {
		opt := ExtractOptions{Batch: 3, Workers: 2, Pool: Pooling{Mode: mode}}
		model := func() Extractor {
			return &tensorModel{declared: []int64{-1, 4, 6}, shape: func([]int64) []int64 { return []int64{4, 6} }}
		}
		f, err := Extract(t.Context(), model(), data, opt)
		if err != nil {
			t.Fatal(err)
		}
		var want, got bytes.Buffer
		if err := f.Write(&want); err != nil {
			t.Fatal(err)
		}
		s, err := NewStream(t.Context(), model(), data, opt)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := feature.WriteRows(&got, s); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), want.Bytes()) {
			t.Errorf("pool %q: the %d bytes differ from the %d of the set", mode, got.Len(), want.Len())
		}
		if most := f.Dim * data.Len() / 2; cap(s.set.X) > most {
			t.Errorf("pool %q: the stream has room for %d values, want at most %d", mode, cap(s.set.X), most)
		}
	}
}
