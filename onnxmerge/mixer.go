package onnxmerge

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/wiseft/wiseft/onnxmerge/graph"
	"github.com/wiseft/wiseft/onnxmerge/internal/kernel"
	"github.com/wiseft/wiseft/onnxmerge/method"
)

// mixer makes the merged payload of one tensor, block by block, for several goroutines
// at once.
type mixer struct {
	dst     *graph.Tensor
	sources []reader
	copyOf  reader // if not nil, its bytes are the result
	codec   kernel.Codec
	mix     method.Mix
	direct  method.Direct // if not nil, mix on stored bytes
	floor   bool          // negative results become 0
	clamped atomic.Int64  // how many did
	pool    sync.Pool     // of *scratch
}

func (p *Plan) newMixer(d Decision) *mixer {
	codec, _ := d.DType.Codec()
	sources := d.sources()
	m := &mixer{dst: d.b, sources: sources, codec: codec, mix: p.Method.New(p.Params), floor: d.isVariance && p.opt.Extrapolate}
	if p.Method.NewDirect != nil && !m.floor {
		m.direct = p.Method.NewDirect(p.Params, codec)
	}
	m.pool.New = func() any { return &scratch{raw: make([][]byte, len(sources))} }
	return m
}

// OverflowError reports a result that is no finite number although all its sources are.
type OverflowError struct {
	Element int64 // its index in the tensor, row-major
	Sources []float64
}

func (e *OverflowError) Error() string {
	return fmt.Sprintf("element %d would become NaN or infinite, from %v", e.Element, e.Sources)
}

// fill sets dst to the merged bytes from off on.
func (m *mixer) fill(dst []byte, off int64) error {
	if m.copyOf != nil {
		return m.copyOf(dst, off)
	}
	s := m.pool.Get().(*scratch)
	defer m.pool.Put(s)
	for i, read := range m.sources {
		s.raw[i] = slices.Grow(s.raw[i][:0], len(dst))[:len(dst)]
		if err := read(s.raw[i], off); err != nil {
			return err
		}
	}
	mix := m.mixBlocks
	if m.direct != nil {
		mix = m.mixDirect
	}
	if finite := mix(s, dst, off); finite {
		return nil
	}
	return m.checkOverflow(s, dst, off)
}

// mixDirect mixes the stored bytes.
func (m *mixer) mixDirect(s *scratch, dst []byte, off int64) (finite bool) {
	finite = m.direct(dst, s.raw)
	if n := m.elements(len(dst), off); n*m.codec.Bits < 8*len(dst) {
		dst[len(dst)-1] &= 0x0f // an odd number of 4-bit elements: the last half stays empty
	}
	return finite
}

// blockLen is the number of elements mixed at a time: small enough that the float64
// blocks of two models and the result stay in a core's first-level cache. It is even,
// so that 4-bit elements come in whole bytes.
const blockLen = 1 << 10

// scratch is what one goroutine needs to mix blocks.
type scratch struct {
	raw    [][]byte    // the stored bytes of every source
	src    [][]float64 // a decoded block of every source
	blocks [][]float64 // src cut to the block's length
	out    []float64
}

func (s *scratch) grow() {
	if s.out != nil {
		return
	}
	s.out = make([]float64, blockLen)
	s.src = make([][]float64, len(s.raw))
	s.blocks = make([][]float64, len(s.raw))
	for i := range s.src {
		s.src[i] = make([]float64, blockLen)
	}
}

// elements returns how many elements n bytes from off on hold: the last byte of an odd
// number of 4-bit elements holds one.
func (m *mixer) elements(n int, off int64) int {
	bits := int64(m.codec.Bits)
	return int(min(int64(n)*8/bits, m.dst.Len()-off*8/bits))
}

// mixBlocks decodes the sources, mixes them and encodes the result, rounding once.
func (m *mixer) mixBlocks(s *scratch, dst []byte, off int64) (finite bool) {
	s.grow()
	finite = true
	elements := m.elements(len(dst), off)
	for at := 0; at < elements; at += blockLen {
		n := min(blockLen, elements-at)
		first := m.codec.SizeBytes(at)
		for i := range s.src {
			s.blocks[i] = s.src[i][:n]
			m.codec.Decode(s.blocks[i], s.raw[i][first:])
		}
		m.mix(s.out[:n], s.blocks)
		if m.floor {
			m.clamp(s.out[:n])
		}
		finite = m.codec.Encode(dst[first:], s.out[:n]) && finite
	}
	return finite
}

func (m *mixer) clamp(values []float64) {
	n := int64(0)
	for i, v := range values {
		if v < 0 {
			values[i] = 0
			n++
		}
	}
	m.clamped.Add(n)
}

// checkOverflow looks for a result that is not finite although its sources are.
func (m *mixer) checkOverflow(s *scratch, dst []byte, off int64) error {
	elements := m.elements(len(dst), off)
	values := make([]float64, len(m.sources))
	one := make([]float64, 2)
	at := func(raw []byte, i int) float64 {
		if m.codec.Bits < 8 {
			m.codec.Decode(one, raw[i/2:][:1])
			return one[i%2]
		}
		m.codec.Decode(one[:1], raw[m.codec.SizeBytes(i):])
		return one[0]
	}
	for i := range elements {
		if isFinite(at(dst, i)) && m.codec.Bits >= 8 {
			continue
		}
		allFinite := true
		for k := range values {
			values[k] = at(s.raw[k], i)
			allFinite = allFinite && isFinite(values[k])
		}
		if !allFinite {
			continue
		}
		if m.codec.Bits < 8 && !m.saturates(values) {
			continue
		}
		return &OverflowError{off*8/int64(m.codec.Bits) + int64(i), values}
	}
	return nil
}

// saturates reports whether these sources mix to what a type without infinity cannot
// hold.
func (m *mixer) saturates(values []float64) bool {
	blocks, out, stored := make([][]float64, len(values)), make([]float64, 1), make([]byte, 1)
	for k := range values {
		blocks[k] = values[k : k+1]
	}
	m.mix(out, blocks)
	return !m.codec.Encode(stored, out)
}

func isFinite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
