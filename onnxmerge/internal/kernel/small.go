package kernel

import "sync"

// small is a format of 8 or 4 bits.
type small struct {
	values  [1 << 8]float64
	encoder encoder
	// stored maps the encoder's result to the element, with the flag notFinite if the value was too large or NaN. It
	// covers the differences between formats: values beyond the largest, NaN, and the sign of zero.
	stored [4 * smallSign]uint16
}

const (
	smallSign = 1 << 8          // the encoder's sign bit
	smallNaN  = 4*smallSign - 1 // index of NaN, above the encoder's results for numbers
	notFinite = 1 << 8          // flag above the bits of the element
)

func loadSmall(f format) func() *small {
	return sync.OnceValue(func() *small {
		c := &small{}
		for i := range 1 << f.bits {
			c.values[i] = f.value(uint64(i))
		}
		c.encoder.fill(f, smallSign)
		for i := range c.stored {
			c.stored[i] = uint16(smallStored(f, uint64(i)))
		}
		return c
	})
}

// smallStored returns small.stored at index i.
func smallStored(f format, i uint64) uint64 {
	abs := i % smallSign
	sign := uint64(0)
	if i&smallSign != 0 {
		sign = f.sign()
	}
	switch {
	case i == smallNaN:
		return f.nan | notFinite
	case abs > f.top:
		return f.over | sign | notFinite
	case abs == 0 && f.nan == f.sign(): // FNUZ
		return 0
	}
	return abs | sign
}

// encode1 returns the element of v, with the flag notFinite if it applies.
func (c *small) encode1(v float64) uint16 {
	return c.stored[min(c.encoder.add(v), smallNaN)]
}

func newFloat8(f format) Codec {
	load := loadSmall(f)
	return Codec{
		Bits: 8,
		Decode: func(dst []float64, src []byte) {
			c := load()
			for i, p := range src[:len(dst)] {
				dst[i] = c.values[p]
			}
		},
		Encode: func(dst []byte, src []float64) bool {
			c := load()
			dst = dst[:len(src)]
			seen := uint16(0)
			for i, v := range src {
				e := c.encode1(v)
				seen |= e
				dst[i] = byte(e)
			}
			return seen < notFinite
		},
		Lerp: func(dst, a, b []byte, t float64) bool {
			return blockLerp{bits: 8, small: load()}.lerp(dst, a, b, t)
		},
	}
}

func (c *small) lerpBlock8(dst, a, b []byte, s, t float64) bool {
	d, x, y := (*[blockSize]byte)(dst), (*[blockSize]byte)(a), (*[blockSize]byte)(b)
	values := &c.values
	seen := uint16(0)
	for i := range d {
		e := c.encode1(float64(s*values[x[i]]) + float64(t*values[y[i]]))
		seen |= e
		d[i] = byte(e)
	}
	return seen < notFinite
}

func newFloat4(f format) Codec {
	load := loadSmall(f)
	return Codec{
		Bits: 4,
		Decode: func(dst []float64, src []byte) {
			c := load()
			for i := range dst {
				dst[i] = c.values[src[i/2]>>(i%2*4)&0xf]
			}
		},
		Encode: func(dst []byte, src []float64) bool {
			c := load()
			seen := uint16(0)
			for i, v := range src {
				e := c.encode1(v)
				seen |= e
				if i%2 == 0 {
					dst[i/2] = byte(e)
				} else {
					dst[i/2] |= byte(e << 4)
				}
			}
			return seen < notFinite
		},
		Lerp: func(dst, a, b []byte, t float64) bool {
			return blockLerp{bits: 4, small: load()}.lerp(dst, a, b, t)
		},
	}
}

func (c *small) lerpBlock4(dst, a, b []byte, s, t float64) bool {
	d, x, y := (*[blockSize]byte)(dst), (*[blockSize]byte)(a), (*[blockSize]byte)(b)
	values := &c.values
	seen := uint16(0)
	for i := range d {
		lo := c.encode1(float64(s*values[x[i]&0xf]) + float64(t*values[y[i]&0xf]))
		hi := c.encode1(float64(s*values[x[i]>>4]) + float64(t*values[y[i]>>4]))
		seen |= lo | hi
		d[i] = byte(lo) | byte(hi)<<4
	}
	return seen < notFinite
}
