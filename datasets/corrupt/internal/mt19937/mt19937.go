// Package mt19937 is numpy's legacy random stream: the Mersenne Twister MT19937 and the distributions of
// numpy.random.RandomState, bit for bit. numpy guarantees that this stream does not change, and published benchmarks
// were made with it. It draws words of 32 bits:
//
//   - a double uses two words a, b: ((a >> 5) * 2^26 + (b >> 6)) / 2^53
//   - an integer below n uses words, masked to the bits of n-1, until one is below n;
//     n = 1 uses none; n above 2^32 uses two words a try, the high one first
//   - normal deviates come in pairs by the polar method; the second is kept for the
//     next call, whatever else is drawn in between
//
// Logarithms are rounded correctly (package precise). numpy uses those of the C library; glibc's differ for less than
// 0.1 % of all arguments, by one unit in the last place.
package mt19937

import (
	"math"

	"github.com/wiseft/wiseft/datasets/corrupt/internal/precise"
)

const (
	size   = 624 // words of state
	period = 397 // distance of the words that are mixed
)

// Rand is a stream. Its methods are those of math/rand/v2 with numpy's draws. It must not be used by several
// goroutines concurrently.
type Rand struct {
	key [size]uint32
	pos int

	hasNormal bool
	normal    float64 // the second deviate of a pair
}

// New returns the stream of numpy.random.RandomState(seed).
func New(seed uint32) *Rand {
	r := new(Rand)
	r.Seed(seed)
	return r
}

// Seed restarts the stream, as numpy.random.seed does.
func (r *Rand) Seed(seed uint32) {
	r.key[0] = seed
	for i := 1; i < size; i++ {
		last := r.key[i-1]
		r.key[i] = 1812433253*(last^last>>30) + uint32(i)
	}
	r.pos, r.hasNormal, r.normal = size, false, 0
}

// State returns numpy's get_state: pos, has_gauss and cached_gaussian.
func (r *Rand) State() (pos int, hasNormal bool, normal float64) {
	return r.pos, r.hasNormal, r.normal
}

// Uint32 returns the next word.
func (r *Rand) Uint32() uint32 {
	if r.pos == size {
		r.refill()
	}
	y := r.key[r.pos]
	r.pos++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

func (r *Rand) refill() {
	for i := range size - period {
		r.key[i] = r.key[i+period] ^ twist(r.key[i], r.key[i+1])
	}
	for i := size - period; i < size-1; i++ {
		r.key[i] = r.key[i+period-size] ^ twist(r.key[i], r.key[i+1])
	}
	r.key[size-1] = r.key[period-1] ^ twist(r.key[size-1], r.key[0])
	r.pos = 0
}

// twist combines the upper bit of one word with the lower bits of the next.
func twist(upper, lower uint32) uint32 {
	y := upper&0x80000000 | lower&0x7fffffff
	return y>>1 ^ -(y&1)&0x9908b0df
}

// Float64 returns a number in [0, 1): random_sample.
func (r *Rand) Float64() float64 {
	a, b := r.Uint32()>>5, r.Uint32()>>6
	return (float64(a)*(1<<26) + float64(b)) / (1 << 53)
}

// NormFloat64 returns a standard normal deviate: standard_normal.
func (r *Rand) NormFloat64() float64 {
	if r.hasNormal {
		x := r.normal
		r.hasNormal, r.normal = false, 0
		return x
	}
	for {
		x1 := 2*r.Float64() - 1
		x2 := 2*r.Float64() - 1
		r2 := float64(x1*x1) + float64(x2*x2) // rounded before they are added: no FMA
		if r2 >= 1 || r2 == 0 {
			continue
		}
		f := math.Sqrt(-2 * precise.Log(r2) / r2)
		r.hasNormal, r.normal = true, f*x1
		return f * x2
	}
}

// IntN returns an integer in [0, n): randint(n). It panics if n < 1.
func (r *Rand) IntN(n int) int {
	if n < 1 {
		panic("mt19937: IntN of less than one value")
	}
	last := uint64(n - 1)
	mask := last
	for shift := 1; shift < 64; shift *= 2 {
		mask |= mask >> shift
	}
	if last == 0 {
		return 0
	}
	for {
		v := uint64(r.Uint32())
		if last > math.MaxUint32 {
			v = v<<32 | uint64(r.Uint32())
		}
		if v &= mask; v <= last {
			return int(v)
		}
	}
}

// Perm returns a random order of 0 to n-1: permutation(n), whose first k values are
// choice(n, k, replace=False).
func (r *Rand) Perm(n int) []int {
	p := make([]int, n)
	for i := range p {
		p[i] = i
	}
	for i := n - 1; i > 0; i-- {
		j := r.IntN(i + 1)
		p[i], p[j] = p[j], p[i]
	}
	return p
}
