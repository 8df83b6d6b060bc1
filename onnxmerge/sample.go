package onnxmerge

import (
	"fmt"
	"math"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/pair"
)

// sampler compares weights by samples of their elements. It caches the samples within a memory limit.
type sampler struct {
	samples map[*onnx.Tensor][]sample
	len     int   // elements in samples
	max     int   // before they are dropped
	whole   int64 // largest payload, in bytes, that is loaded to read it with its axes in another order
}

// sample has elements of a weight, as many as were wanted, in the order of perm.
type sample struct {
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
	return &sampler{samples: map[*onnx.Tensor][]sample{}, max: int(memory / 8), whole: memory}
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
	n := t.Len()
	count := int(min(n, int64(most)))
	known := s.samples[t]
	for _, k := range known {
		if len(k.values) == count && slices.Equal(k.perm, perm) {
			return k.values, nil
		}
	}
	codec, _ := t.DType.Codec()
	read := source(t, perm, codec.Bits/8)
	values := make([]float64, count)
	raw := make([]byte, codec.SizeBytes(min(chunkLen, count)))
	for at := 0; at < len(values); at += chunkLen {
		chunk := values[at:min(at+chunkLen, len(values))]
		bytes := raw[:codec.SizeBytes(len(chunk))]
		if err := read(bytes, int64(codec.SizeBytes(1))*position(at, n, most)); err != nil {
			return nil, err
		}
		codec.Decode(chunk, bytes)
	}
	if s.len += len(values); s.len > s.max {
		clear(s.samples)
		known, s.len = nil, len(values)
	}
	s.samples[t] = append(known, sample{perm, values})
	return values, nil
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

// channelSums returns the sums of every sampled channel of two weights along an axis of b, or of the whole if axis is
// -1; nil if they are not comparable.
func (s *sampler) channelSums(a, b *onnx.Tensor, perm []int, axis int) (map[int]products, error) {
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
	of := map[int]products{}
	for i := range x {
		c := int(position(i, b.Len(), scaleLen) / inner % channels)
		m := of[c]
		of[c] = products{m.ab + x[i]*y[i], m.aa + x[i]*x[i], m.bb + y[i]*y[i], m.n + 1}
	}
	return of, nil
}
