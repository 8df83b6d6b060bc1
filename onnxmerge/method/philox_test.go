package method

import "testing"

// The known answers that the authors of Philox publish with Random123 (kat_vectors).
func TestPhilox(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		ctr  [4]uint32
		key  [2]uint32
		want [4]uint32
	}{
		{[4]uint32{}, [2]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[4]uint32{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, [2]uint32{0xffffffff, 0xffffffff}, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0}, [4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	} {
		if got := philox(c.ctr, c.key); got != c.want {
			t.Errorf("philox(%x, %x) = %x, want %x", c.ctr, c.key, got, c.want)
		}
	}
}

// A number depends on its index alone, wherever a block begins.
func TestUniformByIndex(t *testing.T) {
	t.Parallel()
	g := newGenerator(1, "w", 0)
	all := make([]float64, 100)
	g.uniform(all, 0)
	for off := range all {
		for _, n := range []int{0, 1, 3, 9} {
			part := make([]float64, min(n, len(all)-off))
			g.uniform(part, int64(off))
			for i, v := range part {
				if v != all[off+i] {
					t.Fatalf("element %d is %g in a block from %d, %g in another", off+i, v, off, all[off+i])
				}
			}
		}
	}
	mean := total(all) / float64(len(all))
	if mean < 0.35 || mean > 0.65 { // five standard deviations of a mean of 100
		t.Errorf("mean %g", mean)
	}
}
