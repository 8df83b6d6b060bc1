package method

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
)

// generator makes random numbers by their index: Philox4x32-10 of Salmon et al.,
// Parallel random numbers: as easy as 1, 2, 3, SC 2011. Its key is the seed, the
// tensor's identity and the model, so that neither the number of workers nor the
// order of tensors nor the layout of the files changes what is drawn.
type generator struct {
	key   [2]uint32
	extra [2]uint32 // the upper half of the counter
}

func newGenerator(seed uint64, tensor string, model int) generator {
	h := sha256.New()
	_ = binary.Write(h, binary.LittleEndian, []uint64{seed, uint64(model)}) // a hash never fails
	h.Write([]byte(tensor))
	sum := h.Sum(nil)
	at := func(i int) uint32 { return binary.LittleEndian.Uint32(sum[4*i:]) }
	return generator{[2]uint32{at(0), at(1)}, [2]uint32{at(2), at(3)}}
}

// philox is the function of the paper: a bijection of ctr for each key.
func philox(ctr [4]uint32, key [2]uint32) [4]uint32 {
	for range 10 {
		hi0, lo0 := bits.Mul32(0xD2511F53, ctr[0])
		hi1, lo1 := bits.Mul32(0xCD9E8D57, ctr[2])
		ctr = [4]uint32{hi1 ^ ctr[1] ^ key[0], lo1, hi0 ^ ctr[3] ^ key[1], lo0}
		key[0] += 0x9E3779B9
		key[1] += 0xBB67AE85
	}
	return ctr
}

// uniform sets dst to the numbers off, off+1, …: uniform in [0, 1), with 32 bits.
func (g generator) uniform(dst []float64, off int64) {
	for i := 0; i < len(dst); {
		at := uint64(off) + uint64(i)
		block := philox([4]uint32{uint32(at / 4), uint32(at / 4 >> 32), g.extra[0], g.extra[1]}, g.key)
		for k := at % 4; k < 4 && i < len(dst); k++ {
			dst[i] = float64(block[k]) * 0x1p-32
			i++
		}
	}
}
