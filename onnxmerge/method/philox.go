package method

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/bits"
)

// generator returns random numbers by index: Philox4x64-10 of Salmon et al., Parallel random numbers: as easy as 1,
// 2, 3, SC 2011. Its key is a hash of seed, tensor ID and model, so that the numbers do not depend on the number of
// workers, the order of tensors or the layout of the files.
type generator struct {
	key   [2]uint64
	extra [2]uint64 // upper half of the counter
}

func newGenerator(seed uint64, tensor string, model int) generator {
	h := sha256.New()
	_ = binary.Write(h, binary.LittleEndian, []uint64{seed, uint64(model)}) // a hash never fails
	h.Write([]byte(tensor))
	sum := h.Sum(nil)
	at := func(i int) uint64 { return binary.LittleEndian.Uint64(sum[8*i:]) }
	return generator{[2]uint64{at(0), at(1)}, [2]uint64{at(2), at(3)}}
}

const (
	philoxM0, philoxM1 = 0xD2E7470EE14C6C93, 0xCA5A826395121157
	philoxW0, philoxW1 = 0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B
)

// philox is the function of the paper: for each key a bijection of ctr.
func philox(ctr [4]uint64, key [2]uint64) [4]uint64 {
	c0, c1, c2, c3 := ctr[0], ctr[1], ctr[2], ctr[3]
	k0, k1 := key[0], key[1]
	for range 10 {
		hi0, lo0 := bits.Mul64(c0, philoxM0)
		hi1, lo1 := bits.Mul64(c2, philoxM1)
		c0, c1, c2, c3 = hi1^c1^k0, lo1, hi0^c3^k1, lo0
		k0 += philoxW0
		k1 += philoxW1
	}
	return [4]uint64{c0, c1, c2, c3}
}

// perBlock is the number of 32-bit numbers in one result of philox.
const perBlock = 8

// draw sets u to the numbers off, off+1, …, uniform in 32 bits.
func (g generator) draw(u []uint32, off int64) {
	at := uint64(off)
	for len(u) > 0 {
		if at%perBlock == 0 && len(u) >= 2*perBlock {
			g.drawPair((*[2 * perBlock]uint32)(u), at/perBlock)
			u, at = u[2*perBlock:], at+2*perBlock
			continue
		}
		block := philox([4]uint64{at / perBlock, 0, g.extra[0], g.extra[1]}, g.key)
		for ; len(u) > 0; u = u[1:] {
			k := at % perBlock
			u[0] = uint32(block[k/2] >> (32 * (k % 2)))
			if at++; at%perBlock == 0 {
				u = u[1:]
				break
			}
		}
	}
}

// drawPair sets u to the numbers of two blocks. The multiplications of one block depend on each other; interleaving
// two blocks hides their latency.
func (g generator) drawPair(u *[2 * perBlock]uint32, block uint64) {
	a0, a1, a2, a3 := block, uint64(0), g.extra[0], g.extra[1]
	b0, b1, b2, b3 := block+1, uint64(0), g.extra[0], g.extra[1]
	k0, k1 := g.key[0], g.key[1]
	for range 10 {
		hi0, lo0 := bits.Mul64(a0, philoxM0)
		hi1, lo1 := bits.Mul64(a2, philoxM1)
		a0, a1, a2, a3 = hi1^a1^k0, lo1, hi0^a3^k1, lo0
		hi0, lo0 = bits.Mul64(b0, philoxM0)
		hi1, lo1 = bits.Mul64(b2, philoxM1)
		b0, b1, b2, b3 = hi1^b1^k0, lo1, hi0^b3^k1, lo0
		k0 += philoxW0
		k1 += philoxW1
	}
	u[0], u[1], u[2], u[3] = uint32(a0), uint32(a0>>32), uint32(a1), uint32(a1>>32)
	u[4], u[5], u[6], u[7] = uint32(a2), uint32(a2>>32), uint32(a3), uint32(a3>>32)
	u[8], u[9], u[10], u[11] = uint32(b0), uint32(b0>>32), uint32(b1), uint32(b1>>32)
	u[12], u[13], u[14], u[15] = uint32(b2), uint32(b2>>32), uint32(b3), uint32(b3>>32)
}

// threshold returns the number of 32-bit values that are below it with the given probability.
func threshold(probability float64) int64 { return int64(math.Ceil(probability * (1 << 32))) }
