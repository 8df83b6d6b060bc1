package method

import (
	"math"
	"testing"
)

// The known answers are those that the authors of Philox publish with Random123 (kat_vectors).
func TestPhilox(t *testing.T) {
	t.Parallel()
	const ones = math.MaxUint64
	for _, c := range []struct {
		ctr  [4]uint64
		key  [2]uint64
		want [4]uint64
	}{
		{[4]uint64{}, [2]uint64{}, [4]uint64{0x16554d9eca36314c, 0xdb20fe9d672d0fdc, 0xd7e772cee186176b, 0x7e68b68aec7ba23b}},
		{[4]uint64{ones, ones, ones, ones}, [2]uint64{ones, ones}, [4]uint64{0x87b092c3013fe90b, 0x438c3c67be8d0224,
			0x9cc7d7c69cd777b6, 0xa09caebf594f0ba0}},
	} {
		if got := philox(c.ctr, c.key); got != c.want {
			t.Errorf("philox(%x, %x) = %x, want %x", c.ctr, c.key, got, c.want)
		}
	}
}

// A number depends on its index alone, wherever a block begins.
func TestDrawByIndex(t *testing.T) {
	t.Parallel()
	g := newGenerator(1, "w", 0)
	all := make([]uint32, 100)
	g.draw(all, 0)
	mean := 0.0
	for off := range all {
		mean += float64(all[off]) / float64(len(all)) / (1 << 32)
		for _, n := range []int{0, 1, 3, 9, 17} {
			part := make([]uint32, min(n, len(all)-off))
			g.draw(part, int64(off))
			for i, v := range part {
				if v != all[off+i] {
					t.Fatalf("element %d is %d in a block from %d, %d in another", off+i, v, off, all[off+i])
				}
			}
		}
	}
	if mean < 0.35 || mean > 0.65 { // five standard deviations of a mean of 100
		t.Errorf("mean %g", mean)
	}
}
