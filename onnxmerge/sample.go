package onnxmerge

import (
	"fmt"
	"math"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/pair"
)

// sampler compares weights by samples of their elements. It caches the samples within a memory limit. It is not safe for
// concurrent use.
type sampler struct {
	plain    map[*onnx.Tensor][]float64 // the first sample of each tensor
	further  map[sampled][]float64      // those of other lengths
	permuted map[sampled][]permutedSample
	len      int   // elements of all samples
	max      int   // before they are dropped
	whole    int64 // largest payload, in bytes, that is loaded to read it with its axes in another order

	// Of the weight that was looked up last: one weight is compared with many.
	last       *onnx.Tensor
	lastMost   int
	lastValues []float64

	raw  []byte     // memory for encoded elements
	slab []float64  // memory for samples
	sums []products // memory for sums by channel
}

// sampled is what a sample is of: so many elements of a tensor.
type sampled struct {
	t     *onnx.Tensor
	count int
}

// permutedSample has elements of a weight in the order of perm, which is not nil.
type permutedSample struct {
	perm   []int
	values []float64
}

const (
	// sampleLen is the number of elements of each weight that are compared, in chunks at equal distances: single rows
	// may be padding, and the first rows may belong to one class.
	sampleLen = 4 << 10
	// scaleLen is that number where channels are compared one by one: 21 elements of each of 768.
	scaleLen = 16 << 10
	chunkLen = 512
)

func newSampler(memory int64) *sampler {
	return &sampler{plain: map[*onnx.Tensor][]float64{}, further: map[sampled][]float64{},
		permuted: map[sampled][]permutedSample{}, max: int(memory / 8),
		whole: memory}
}

// likeness implements [pair.Likeness].
func (s *sampler) likeness(a, b *onnx.Tensor, perm []int) (cosine float64, ok bool, err error) {
	x, y, err := s.both(a, b, perm, sampleLen)
	if err != nil || x == nil {
		return 0, false, err
	}
	cosine, ok = pair.Cosine(x, y, pair.IsVector(b.Dims))
	return cosine, ok, nil
}

// both returns elements of two weights at the same positions, a's read in the order of perm; nil if they are not
// numbers of a byte or more, or cannot be read.
func (s *sampler) both(a, b *onnx.Tensor, perm []int, most int) (x, y []float64, err error) {
	if x, y = s.known(a, perm, most), s.lookup(b, most); x != nil && y != nil {
		return x, y, nil
	}
	for _, t := range []*onnx.Tensor{a, b} {
		if codec, known := t.DType.Codec(); !known || codec.Bits < 8 || !t.Readable() {
			return nil, nil, nil
		}
	}
	if perm != nil && a.SizeBytes() > s.whole {
		return nil, nil, nil
	}
	if x, err = s.sample(a, perm, most); err != nil {
		return nil, nil, fmt.Errorf("tensor %q: %w", a.ID(), err)
	}
	if y, err = s.sample(b, nil, most); err != nil {
		return nil, nil, fmt.Errorf("tensor %q: %w", b.ID(), err)
	}
	return x, y, nil
}

// sample reads up to most elements of t in the order of perm; position gives where they are.
func (s *sampler) sample(t *onnx.Tensor, perm []int, most int) ([]float64, error) {
	if values := s.known(t, perm, most); values != nil {
		return values, nil
	}
	of := sampled{t, sampleSize(t, most)}
	values := s.take(of.count)
	if err := s.read(values, t, perm, most); err != nil {
		return nil, err
	}
	if s.len += len(values); s.len > s.max {
		clear(s.plain)
		clear(s.further)
		clear(s.permuted)
		s.len = len(values)
	}
	switch {
	case perm != nil:
		s.permuted[of] = append(s.permuted[of], permutedSample{perm, values})
	case s.plain[t] == nil:
		s.plain[t] = values
	default:
		s.further[of] = values
	}
	return values, nil
}

// sampleSize returns the number of elements in a sample of up to most.
func sampleSize(t *onnx.Tensor, most int) int { return int(min(t.Len(), int64(most))) }

// known returns a sample that was taken; nil if it was not.
func (s *sampler) known(t *onnx.Tensor, perm []int, most int) []float64 {
	if perm == nil {
		values := s.plain[t]
		if values == nil || len(values) == sampleSize(t, most) {
			return values
		}
		return s.further[sampled{t, sampleSize(t, most)}]
	}
	for _, k := range s.permuted[sampled{t, sampleSize(t, most)}] {
		if slices.Equal(k.perm, perm) {
			return k.values
		}
	}
	return nil
}

// lookup is [sampler.known] for a weight that is compared with many.
func (s *sampler) lookup(t *onnx.Tensor, most int) []float64 {
	if t != s.last || most != s.lastMost || s.lastValues == nil {
		s.last, s.lastMost, s.lastValues = t, most, s.known(t, nil, most)
	}
	return s.lastValues
}

// take returns memory for a sample. Those of small weights share an allocation.
func (s *sampler) take(count int) []float64 {
	if count > slabLen/8 {
		return make([]float64, count)
	}
	if count > len(s.slab) {
		s.slab = make([]float64, slabLen)
	}
	values := s.slab[:count:count]
	s.slab = s.slab[count:]
	return values
}

// slabLen is the number of elements that are allocated for the samples of small weights.
const slabLen = 8 << 10

// read sets values to a sample of t in the order of perm.
func (s *sampler) read(values []float64, t *onnx.Tensor, perm []int, most int) error {
	codec, _ := t.DType.Codec()
	read := source(t, perm, codec.Bits/8)
	s.raw = slices.Grow(s.raw[:0], codec.SizeBytes(chunkLen))
	for at := 0; at < len(values); at += chunkLen {
		chunk := values[at:min(at+chunkLen, len(values))]
		bytes := s.raw[:codec.SizeBytes(len(chunk))]
		if err := read(bytes, int64(codec.SizeBytes(1))*position(at, t.Len(), most)); err != nil {
			return err
		}
		codec.Decode(chunk, bytes)
	}
	return nil
}

// position returns which of n elements is number i of a sample of up to most. The last chunk ends with the weight.
func position(i int, n int64, most int) int64 {
	if n <= int64(most) {
		return int64(i)
	}
	at := i / chunkLen * chunkLen
	return (n-chunkLen)*int64(at)/int64(most-chunkLen) + int64(i-at)
}

// channelScales compares two weights channel by channel along an axis of b, or as a whole if axis is -1. It returns the
// cosine between the two of each channel and the natural logarithm of |b|/|a|, of channels with eight sampled elements
// or more that are not all zero.
func (s *sampler) channelScales(a, b *onnx.Tensor, perm []int, axis int) (cosines, logs []float64, err error) {
	sums, err := s.channelSums(a, b, perm, axis)
	for _, m := range sums {
		if m.n >= 8 && m.aa > 0 && m.bb > 0 && isFinite(m.aa+m.bb) {
			cosines = append(cosines, m.ab/math.Sqrt(m.aa*m.bb))
			logs = append(logs, math.Log(m.bb/m.aa)/2)
		}
	}
	return cosines, logs, err
}

// products are sums over the sampled elements of a channel.
type products struct {
	ab, aa, bb float64
	n          int
}

// channelSums returns the sums of every channel of two weights along an axis of b, or of the whole if axis is -1; nil if
// they are not comparable. The result is valid until the next call.
func (s *sampler) channelSums(a, b *onnx.Tensor, perm []int, axis int) ([]products, error) {
	x, y, err := s.both(a, b, perm, scaleLen)
	if err != nil || x == nil {
		return nil, err
	}
	channels, inner := int64(1), b.Len()
	if axis >= 0 {
		channels, inner = b.Dims[axis], 1
		for _, d := range b.Dims[axis+1:] {
			inner *= d
		}
	}
	of := slices.Grow(s.sums[:0], int(channels))[:channels]
	clear(of)
	s.sums = of
	n := b.Len()
	for i := range x {
		m := &of[position(i, n, scaleLen)/inner%channels]
		m.ab += x[i] * y[i]
		m.aa += x[i] * x[i]
		m.bb += y[i] * y[i]
		m.n++
	}
	return of, nil
}
