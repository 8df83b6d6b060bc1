package onnxmerge

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/pair"
)

// sampler compares weights by samples of their elements. It keeps the samples within a memory limit, as the files store
// them: half the size of their numbers and less. It is not safe for concurrent use.
type sampler struct {
	a, b  samples // of the models
	size  int     // of all samples, in bytes
	max   int     // before they are dropped
	whole int64   // largest payload, in bytes, that is loaded to read it with its axes in another order

	x, y []float64  // memory for the numbers of two samples
	last sampled    // the sample whose numbers y has: one weight is compared with many
	sums []products // memory for sums by channel
}

// sampled is what a sample is of: so many elements of a tensor.
type sampled struct {
	t     *onnx.Tensor
	count int
}

// samples are those of one model's tensors.
type samples struct {
	first    onnx.Table[sample] // the first sample of each tensor
	further  map[sampled][]byte // those of other lengths
	permuted map[sampled][]permutedSample
	slab     []byte // memory for samples
}

// sample has elements of a weight as its file stores them.
type sample struct {
	count int
	whole bool // they are all elements
	raw   []byte
}

// permutedSample has elements of a weight in the order of perm, which is not nil.
type permutedSample struct {
	perm []int
	raw  []byte
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
	s := &sampler{max: int(memory), whole: memory}
	s.drop()
	return s
}

// drop forgets all samples.
func (s *sampler) drop() {
	for _, of := range []*samples{&s.a, &s.b} {
		of.first.Clear()
		of.further, of.permuted = map[sampled][]byte{}, map[sampled][]permutedSample{}
	}
	s.size = 0
}

// load takes samples of the tensors that have at most sampleLen elements, of both models at the same time, within half of
// the memory: a model may have very many. It leaves out those that cannot be read: [sampler.both] has the error.
func (s *sampler) load(ctx context.Context, a, b *onnx.Model) {
	var sizeA, sizeB int
	var both sync.WaitGroup
	both.Go(func() { sizeA = s.a.load(ctx, a, s.max/4) })
	both.Go(func() { sizeB = s.b.load(ctx, b, s.max/4) })
	both.Wait()
	s.size += sizeA + sizeB
}

// load takes samples of a model's tensors, up to so many bytes, and returns how many they have.
func (s *samples) load(ctx context.Context, m *onnx.Model, most int) (size int) {
	s.first.Grow(m)
	for _, t := range m.Tensors {
		if ctx.Err() != nil {
			break
		}
		if !isSampled(t) || t.Len() > sampleLen || size+int(t.SizeBytes()) > most {
			continue
		}
		raw := s.take(int(t.SizeBytes()))
		if t.ReadAt(raw, 0) == nil {
			s.keep(t, nil, sampleLen, raw)
			size += len(raw)
		}
	}
	return size
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

// both returns elements of a weight of each model at the same positions, a's read in the order of perm; nil if they are
// not numbers of a byte or more, or cannot be read. The result is valid until the next call.
func (s *sampler) both(a, b *onnx.Tensor, perm []int, most int) (x, y []float64, err error) {
	rawA, rawB := s.a.known(a, perm, most), s.b.known(b, nil, most)
	if rawA == nil || rawB == nil {
		if !isSampled(a) || !isSampled(b) || perm != nil && a.SizeBytes() > s.whole {
			return nil, nil, nil
		}
		if rawA, err = s.sample(&s.a, a, perm, most); err != nil {
			return nil, nil, fmt.Errorf("tensor %q: %w", a.ID(), err)
		}
		if rawB, err = s.sample(&s.b, b, nil, most); err != nil {
			return nil, nil, fmt.Errorf("tensor %q: %w", b.ID(), err)
		}
	}
	s.x = decoded(s.x, a, rawA)
	if of := (sampled{b, sampleSize(b, most)}); of != s.last {
		s.y, s.last = decoded(s.y, b, rawB), of
	}
	return s.x, s.y, nil
}

// isSampled reports whether a tensor has numbers of a byte or more that can be read.
func isSampled(t *onnx.Tensor) bool {
	codec, known := t.DType.Codec()
	return known && codec.Bits >= 8 && t.Readable()
}

// decoded returns the numbers of elements of t. It uses the memory of dst.
func decoded(dst []float64, t *onnx.Tensor, raw []byte) []float64 {
	codec, _ := t.DType.Codec()
	n := len(raw) * 8 / codec.Bits
	dst = slices.Grow(dst[:0], n)[:n]
	codec.Decode(dst, raw)
	return dst
}

// sample reads up to most elements of t, a tensor of one of the models, in the order of perm; position gives where they
// are.
func (s *sampler) sample(of *samples, t *onnx.Tensor, perm []int, most int) ([]byte, error) {
	if raw := of.known(t, perm, most); raw != nil {
		return raw, nil
	}
	codec, _ := t.DType.Codec()
	raw := of.take(codec.SizeBytes(sampleSize(t, most)))
	if err := readSample(raw, t, perm, most); err != nil {
		return nil, err
	}
	if s.size+len(raw) > s.max {
		s.drop()
	}
	s.size += len(raw)
	of.keep(t, perm, most, raw)
	return raw, nil
}

// sampleSize returns the number of elements in a sample of up to most.
func sampleSize(t *onnx.Tensor, most int) int { return int(min(t.Len(), int64(most))) }

// known returns a sample that was taken; nil if it was not.
func (s *samples) known(t *onnx.Tensor, perm []int, most int) []byte {
	if perm != nil {
		for _, k := range s.permuted[sampled{t, sampleSize(t, most)}] {
			if slices.Equal(k.perm, perm) {
				return k.raw
			}
		}
		return nil
	}
	first, ok := s.first.At(t)
	if ok && (first.whole && first.count <= most || first.count == sampleSize(t, most)) {
		return first.raw
	}
	return s.further[sampled{t, sampleSize(t, most)}]
}

// keep adds a sample.
func (s *samples) keep(t *onnx.Tensor, perm []int, most int, raw []byte) {
	of := sampled{t, sampleSize(t, most)}
	if perm != nil {
		s.permuted[of] = append(s.permuted[of], permutedSample{perm, raw})
		return
	}
	if _, ok := s.first.At(t); !ok {
		s.first.Set(t, sample{of.count, int64(of.count) == t.Len(), raw})
		return
	}
	s.further[of] = raw
}

// take returns memory for a sample of so many bytes. Small samples share an allocation.
func (s *samples) take(size int) []byte {
	if size > slabSize/8 {
		return make([]byte, size)
	}
	if size > len(s.slab) {
		s.slab = make([]byte, slabSize)
	}
	raw := s.slab[:size:size]
	s.slab = s.slab[size:]
	return raw
}

// slabSize is the number of bytes that are allocated for small samples.
const slabSize = 64 << 10

// readSample sets raw to a sample of t in the order of perm.
func readSample(raw []byte, t *onnx.Tensor, perm []int, most int) error {
	codec, _ := t.DType.Codec()
	read := source(t, perm, codec.Bits/8)
	size := codec.SizeBytes(1)
	for at := 0; at*size < len(raw); at += chunkLen {
		chunk := raw[at*size : min((at+chunkLen)*size, len(raw))]
		if err := read(chunk, int64(size)*position(at, t.Len(), most)); err != nil {
			return err
		}
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
