package onnxmerge

import (
	"fmt"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/pair"
)

// sampler compares weights by samples of their elements. It caches the samples within a memory limit.
type sampler struct {
	samples map[sampleKey][]float64
	len     int   // elements in samples
	max     int   // before they are dropped
	whole   int64 // largest payload, in bytes, that is loaded to read it with its axes in another order
}

// sampleKey is a weight as it is read.
type sampleKey struct {
	tensor *onnx.Tensor
	perm   string
}

const (
	// sampleLen is the number of elements of each weight that are compared, in chunks at equal distances: single rows
	// may be padding, and the first rows may belong to one class.
	sampleLen = 4 << 10
	chunkLen  = 512
)

func newSampler(memory int64) *sampler {
	return &sampler{samples: map[sampleKey][]float64{}, max: int(memory / 8), whole: memory}
}

// likeness implements [pair.Likeness].
func (s *sampler) likeness(a, b *onnx.Tensor, perm []int) (cosine float64, ok bool, err error) {
	codec, known := b.DType.Codec()
	if !known || codec.Bits < 8 || !a.Readable() || !b.Readable() {
		return 0, false, nil
	}
	if perm != nil && a.SizeBytes() > s.whole {
		return 0, false, nil
	}
	x, err := s.sample(a, b, perm)
	if err != nil {
		return 0, false, fmt.Errorf("tensor %q: %w", a.ID(), err)
	}
	y, err := s.sample(b, b, nil)
	if err != nil {
		return 0, false, fmt.Errorf("tensor %q: %w", b.ID(), err)
	}
	cosine, ok = pair.Cosine(x, y, pair.IsVector(b.Dims))
	return cosine, ok, nil
}

// sample reads elements of t in the order of perm, and with b's dtype, which is t's too.
func (s *sampler) sample(t, b *onnx.Tensor, perm []int) ([]float64, error) {
	key := sampleKey{t, fmt.Sprint(perm)}
	if values := s.samples[key]; values != nil {
		return values, nil
	}
	codec, _ := b.DType.Codec()
	read := source(t, perm, codec.Bits/8)
	n := t.Len()
	values := make([]float64, min(n, sampleLen))
	raw := make([]byte, codec.SizeBytes(chunkLen))
	for at := 0; at < len(values); at += chunkLen {
		chunk := values[at:min(at+chunkLen, len(values))]
		first := int64(at)
		if n > sampleLen { // the last chunk ends with the weight
			first = (n - chunkLen) * int64(at) / (sampleLen - chunkLen)
		}
		bytes := raw[:codec.SizeBytes(len(chunk))]
		if err := read(bytes, int64(codec.SizeBytes(1))*first); err != nil {
			return nil, err
		}
		codec.Decode(chunk, bytes)
	}
	if s.len += len(values); s.len > s.max {
		clear(s.samples)
		s.len = len(values)
	}
	s.samples[key] = values
	return values, nil
}
