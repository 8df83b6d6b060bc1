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

// mixer computes the merged payload of one tensor, block by block. It is safe for concurrent use once method is set.
type mixer struct {
	dst            *onnx.Tensor
	sources        []input
	codec          kernel.Codec // of dst
	models         int          // of the sources; the others are Fisher informations
	mixed          bool         // a source has another dtype
	method         method.Mixer
	allowNonfinite bool         // keep fine-tuned elements where a model's are not finite
	floor          bool         // replace negative results by 0
	clamped        atomic.Int64 // number of results that were replaced
	aside          asideCounts
	pool           sync.Pool    // of *scratch
	cache          granuleCache // granules larger than a block
}

// newMixer returns the mixer of a decision; the caller sets its method.
func newMixer(d decision) *mixer {
	codec, _ := d.DType.Codec()
	m := &mixer{dst: d.b, sources: d.inputs(), models: 2 + len(d.further), codec: codec, floor: d.isVariance}
	m.mixed = slices.ContainsFunc(m.sources, func(in input) bool { return in.dtype != d.DType })
	m.pool.New = func() any { return newScratch(len(m.sources)) }
	return m
}

// input is one source of a tensor: its payload in the fine-tuned tensor's order of axes, and in its own dtype.
type input struct {
	read  reader
	dtype onnx.DType
	codec kernel.Codec // of dtype
}

// numbers returns the first n elements.
func (in input) numbers(n int64) ([]float64, error) {
	raw, values := make([]byte, in.codec.SizeBytes(int(n))), make([]float64, n)
	if err := in.read(raw, 0); err != nil {
		return nil, err
	}
	in.codec.Decode(values, raw)
	return values, nil
}

func newInput(read reader, dtype onnx.DType) input {
	codec, _ := dtype.Codec()
	return input{read, dtype, codec}
}

// convert reads the bytes from byte off on in the dtype of another codec, with one rounding. Both have whole bytes.
func (in input) convert(to kernel.Codec) reader {
	from := in.codec
	return func(dst []byte, off int64) error {
		n := len(dst) * 8 / to.Bits
		raw, values := make([]byte, from.SizeBytes(n)), make([]float64, n)
		if err := in.read(raw, off/int64(to.Bits)*int64(from.Bits)); err != nil {
			return err
		}
		from.Decode(values, raw)
		to.Encode(dst, values)
		return nil
	}
}

// OverflowError reports a merged element that is NaN or infinite although its sources are finite.
type OverflowError struct {
	Element int64     // row-major index in the tensor
	Sources []float64 // the element of every source
}

func (e *OverflowError) Error() string {
	return fmt.Sprintf("element %d would become NaN or infinite, from %v", e.Element, e.Sources)
}

// granule returns the number of elements that the method must see together, at least 1.
func (m *mixer) granule() int64 { return max(1, m.method.Granule) }

// fill sets dst to the merged bytes from byte off on.
func (m *mixer) fill(dst []byte, off int64) error {
	if m.method.Copy {
		return m.copyFrom(m.sources[m.method.From], dst, off)
	}
	bits := int64(m.codec.Bits)
	first := off * 8 / bits
	n := min(int64(len(dst))*8/bits, m.dst.Len()-first)
	wanted := span{first, first + n}
	if m.granule() == 1 {
		return m.compute(dst, first, n, wanted)
	}
	from, to := m.wholeGranules(first, first+n)
	if from == first && to == first+n {
		return m.compute(dst, first, n, wanted)
	}
	if m.sizeBytes(m.granule()) > onnx.BlockSize {
		return m.fillFromCache(dst, off)
	}
	wider := make([]byte, m.sizeBytes(to-from))
	if err := m.compute(wider, from, to-from, wanted); err != nil {
		return err
	}
	copy(dst, wider[off-m.sizeBytes(from):])
	return nil
}

// copyFrom sets dst to the bytes of a source from byte off on, and counts the elements that are not finite.
func (m *mixer) copyFrom(from input, dst []byte, off int64) error {
	read := from.read
	if from.dtype != m.dst.DType {
		read = from.convert(m.codec)
	}
	if err := read(dst, off); err != nil {
		return err
	}
	m.aside.countCopied(m.codec, dst)
	return nil
}

// wholeGranules widens a range of elements to granules that begin and end at a byte.
func (m *mixer) wholeGranules(from, to int64) (int64, int64) {
	unit := m.unit()
	return from / unit * unit, min((to+unit-1)/unit*unit, m.dst.Len())
}

// unit returns the length of a granule, or of two if one has an odd number of 4-bit elements.
func (m *mixer) unit() int64 {
	if m.codec.Bits < 8 && m.granule()%2 == 1 {
		return 2 * m.granule()
	}
	return m.granule()
}

func (m *mixer) sizeBytes(elements int64) int64 { return (elements*int64(m.codec.Bits) + 7) / 8 }

// compute sets dst to n merged elements from element first on. The range consists of whole granules. Of the elements
// that are clamped or not finite it counts those of wanted.
func (m *mixer) compute(dst []byte, first, n int64, wanted span) error {
	s := m.pool.Get().(*scratch)
	defer m.pool.Put(s)
	if err := s.read(m.sources, first, n); err != nil {
		return err
	}
	if m.method.Direct != nil && !m.floor && !m.mixed && m.mixDirect(s, dst, n) {
		return nil
	}
	return m.mixBlocks(s, dst, first, int(n), wanted)
}

// mixDirect mixes stored bytes without decoding. It reports whether all results are finite.
func (m *mixer) mixDirect(s *scratch, dst []byte, n int64) (finite bool) {
	finite = m.method.Direct(dst, s.raw)
	if n*int64(m.codec.Bits) < 8*int64(len(dst)) {
		dst[len(dst)-1] &= 0x0f // the padding after an odd number of 4-bit elements is 0
	}
	return finite
}

// blockLen is the number of elements that are mixed at a time: the float64 blocks of two models and the result, 24 KiB,
// fit a core's first-level cache. It is even, so that a block of 4-bit elements is whole bytes.
const blockLen = 1 << 10

// blockOf returns the number of elements that are mixed at a time if blocks consist of whole units.
func blockOf(unit int64) int { return int(unit * max(1, blockLen/unit)) }

// scratch has the buffers of one goroutine.
type scratch struct {
	raw    [][]byte    // the stored bytes of every source
	aside  []aside     // elements of the block that are not finite
	src    [][]float64 // a decoded block of every source
	blocks [][]float64 // src cut to the block's length
	out    []float64
}

// read reads n elements of every source from element first on, which begins at a byte.
func (s *scratch) read(sources []input, first, n int64) error {
	for i, in := range sources {
		codec := in.codec
		size := codec.SizeBytes(int(n))
		s.raw[i] = slices.Grow(s.raw[i][:0], size)[:size]
		if err := in.read(s.raw[i], first*int64(codec.Bits)/8); err != nil {
			return err
		}
	}
	return nil
}

// newScratch returns buffers for so many sources.
func newScratch(sources int) *scratch { return &scratch{raw: make([][]byte, sources)} }

// grow makes room for n elements of every source.
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

// decode returns n elements of every source as float64. at is the index of the first one among those that were read.
func (s *scratch) decode(sources []input, at, n int) [][]float64 {
	for i := range s.src {
		c := sources[i].codec
		s.blocks[i] = s.src[i][:n]
		c.Decode(s.blocks[i], s.raw[i][c.SizeBytes(at):])
	}
	return s.blocks
}

// mixBlocks decodes the sources, mixes them and encodes the result with one rounding. first is the tensor index of the
// first element; see [mixer.compute] for wanted.
func (m *mixer) mixBlocks(s *scratch, dst []byte, first int64, elements int, wanted span) error {
	block := min(blockOf(m.unit()), elements)
	s.grow(block)
	for at := 0; at < elements; at += block {
		n := min(block, elements-at)
		m.method.Mix(s.out[:n], m.decode(s, at, n), first+int64(at))
		if m.floor {
			m.clamp(s.out[:n], first+int64(at), wanted)
		}
		for _, x := range s.aside {
			s.out[x.index] = 0
		}
		if !m.codec.Encode(dst[m.codec.SizeBytes(at):], s.out[:n]) {
			return m.overflow(s, at, n, first)
		}
		if err := m.putBack(s, dst, at, first, wanted); err != nil {
			return err
		}
	}
	return nil
}

// clamp replaces negative values by 0 and counts those of wanted. first is the tensor index of the first one.
func (m *mixer) clamp(values []float64, first int64, wanted span) {
	n := int64(0)
	for i, v := range values {
		if v >= 0 || math.IsNaN(v) {
			continue
		}
		values[i] = 0
		if wanted.has(first + int64(i)) {
			n++
		}
	}
	m.clamped.Add(n)
}

// overflow returns the [OverflowError] of the first result of a block that is not finite.
func (m *mixer) overflow(s *scratch, at, n int, first int64) error {
	stored := make([]byte, 8)
	src := m.decode(s, at, n) // again, because Mix may overwrite its sources
	for i, v := range s.out[:n] {
		if m.codec.Encode(stored, []float64{v}) {
			continue
		}
		values := make([]float64, len(src))
		for k := range src {
			values[k] = src[k][i]
		}
		return &OverflowError{first + int64(at+i), values}
	}
	panic("onnxmerge: a block is not finite, and each of its elements is")
}

func isFinite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
