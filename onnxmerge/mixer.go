package onnxmerge

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/wiseft/wiseft/onnxmerge/internal/kernel"
	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// mixer makes the merged payload of one tensor, block by block, for several goroutines
// at once.
type mixer struct {
	dst     *onnx.Tensor
	sources []reader
	codec   kernel.Codec
	how     method.Mixer
	floor   bool         // negative results become 0
	clamped atomic.Int64 // how many did
	pool    sync.Pool    // of *scratch
	held    holder       // of granules beyond a block
}

// newMixer returns the mixer of a decision that does not know yet how to mix.
func newMixer(d decision) *mixer {
	codec, _ := d.DType.Codec()
	m := &mixer{dst: d.b, sources: d.readers(codec), codec: codec, floor: d.isVariance}
	m.pool.New = func() any { return &scratch{raw: make([][]byte, len(m.sources))} }
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

// granule is how many elements are mixed together, at least 1.
func (m *mixer) granule() int64 { return max(1, m.how.Granule) }

// fill sets dst to the merged bytes from off on.
func (m *mixer) fill(dst []byte, off int64) error {
	if m.how.Copy {
		return m.sources[m.how.From](dst, off)
	}
	bits := int64(m.codec.Bits)
	first := off * 8 / bits
	n := min(int64(len(dst))*8/bits, m.dst.Len()-first)
	if m.granule() == 1 {
		return m.make(dst, first, n)
	}
	from, to := m.whole(first, first+n)
	if from == first && to == first+n {
		return m.make(dst, first, n)
	}
	if m.sizeBytes(m.granule()) > onnx.BlockSize {
		return m.fillHeld(dst, off)
	}
	wider := make([]byte, m.sizeBytes(to-from))
	if err := m.make(wider, from, to-from); err != nil {
		return err
	}
	copy(dst, wider[off-m.sizeBytes(from):])
	return nil
}

// whole widens a range of elements to whole granules that begin and end at a byte.
func (m *mixer) whole(from, to int64) (int64, int64) {
	unit := m.unit()
	return from / unit * unit, min((to+unit-1)/unit*unit, m.dst.Len())
}

// unit is a granule, or two where elements are half bytes.
func (m *mixer) unit() int64 {
	if m.codec.Bits < 8 && m.granule()%2 == 1 {
		return 2 * m.granule()
	}
	return m.granule()
}

func (m *mixer) sizeBytes(elements int64) int64 { return (elements*int64(m.codec.Bits) + 7) / 8 }

// make sets dst to n merged elements from first on, whole granules.
func (m *mixer) make(dst []byte, first, n int64) error {
	s := m.pool.Get().(*scratch)
	defer m.pool.Put(s)
	if err := s.read(m.sources, m.sizeBytes(first), len(dst)); err != nil {
		return err
	}
	if m.how.Direct != nil && !m.floor && m.mixDirect(s, dst, n) {
		return nil
	}
	return m.mixBlocks(s, dst, first, int(n))
}

// mixDirect mixes the stored bytes.
func (m *mixer) mixDirect(s *scratch, dst []byte, n int64) (finite bool) {
	finite = m.how.Direct(dst, s.raw)
	if n*int64(m.codec.Bits) < 8*int64(len(dst)) {
		dst[len(dst)-1] &= 0x0f // an odd number of 4-bit elements: the last half stays empty
	}
	return finite
}

// blockLen is the number of elements mixed at a time: small enough that the float64
// blocks of two models and the result stay in a core's first-level cache. It is even,
// so that 4-bit elements come in whole bytes.
const blockLen = 1 << 10

// blockOf is the number of elements mixed at a time where whole units are asked for.
func blockOf(unit int64) int { return int(unit * max(1, blockLen/unit)) }

// scratch is what one goroutine needs to mix blocks.
type scratch struct {
	raw    [][]byte    // the stored bytes of every source
	src    [][]float64 // a decoded block of every source
	blocks [][]float64 // src cut to the block's length
	out    []float64
}

// read reads n stored bytes of every source.
func (s *scratch) read(sources []reader, off int64, n int) error {
	for i, read := range sources {
		s.raw[i] = slices.Grow(s.raw[i][:0], n)[:n]
		if err := read(s.raw[i], off); err != nil {
			return err
		}
	}
	return nil
}

func (s *scratch) grow(n int) {
	if len(s.out) >= n {
		return
	}
	s.out = make([]float64, n)
	s.src = make([][]float64, len(s.raw))
	s.blocks = make([][]float64, len(s.raw))
	for i := range s.src {
		s.src[i] = make([]float64, n)
	}
}

// decode returns a block of n elements of every source, at counting from the first one
// that was read.
func (s *scratch) decode(c kernel.Codec, at, n int) [][]float64 {
	for i := range s.src {
		s.blocks[i] = s.src[i][:n]
		c.Decode(s.blocks[i], s.raw[i][c.SizeBytes(at):])
	}
	return s.blocks
}

// mixBlocks decodes the sources, mixes them and encodes the result, rounding once.
// first is the index in the tensor of the first element.
func (m *mixer) mixBlocks(s *scratch, dst []byte, first int64, elements int) error {
	block := min(blockOf(m.unit()), elements)
	s.grow(block)
	for at := 0; at < elements; at += block {
		n := min(block, elements-at)
		m.how.Mix(s.out[:n], s.decode(m.codec, at, n), first+int64(at))
		if m.floor {
			m.clamp(s.out[:n])
		}
		if m.codec.Encode(dst[m.codec.SizeBytes(at):], s.out[:n]) {
			continue
		}
		if err := m.checkOverflow(s, at, n, first); err != nil {
			return err
		}
	}
	return nil
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

// checkOverflow looks in a block for a result that is not finite although its sources
// are.
func (m *mixer) checkOverflow(s *scratch, at, n int, first int64) error {
	stored := make([]byte, 8)
	src := s.decode(m.codec, at, n) // anew: Mix may have changed them
	for i, v := range s.out[:n] {
		if m.codec.Encode(stored, []float64{v}) {
			continue
		}
		values := make([]float64, len(src))
		allFinite := true
		for k := range src {
			values[k] = src[k][i]
			allFinite = allFinite && isFinite(values[k])
		}
		if allFinite {
			return &OverflowError{first + int64(at+i), values}
		}
	}
	return nil
}

func isFinite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
