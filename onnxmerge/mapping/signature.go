package mapping

import (
	"encoding/binary"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// signature identifies elements whatever their order: the sum modulo 2^64 of a hash of each element's bits. The
// signature of two lists together is the sum of theirs.
type signature uint64

// digest is what is known of a tensor without holding its elements.
type digest struct {
	dims    []int64
	whole   signature
	rows    [][]signature // by axis: of the elements at each index
	uniform bool          // all elements have the same bits
	first   uint64        // bits of the first element
	running [][]signature // by axis: what sums returns; nil until it is called
}

// mix hashes the bits of an element (the finaliser of SplitMix64; Steele, Lea and Flood 2014).
func mix(bits uint64) signature {
	z := bits + 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return signature(z ^ z>>31)
}

// bitsAt returns the bits of the element at a byte of data.
func bitsAt(data []byte, at, item int) uint64 {
	switch item {
	case 8:
		return binary.LittleEndian.Uint64(data[at:])
	case 4:
		return uint64(binary.LittleEndian.Uint32(data[at:]))
	case 2:
		return uint64(binary.LittleEndian.Uint16(data[at:]))
	}
	return uint64(data[at])
}

// digestOf reads a tensor once and returns its digests after conversion to each of the types.
func digestOf(t source, from onnx.DType, dims []int64, to []onnx.DType) (map[onnx.DType]*digest, error) {
	var list []*digester
	for _, dtype := range to {
		list = append(list, newDigester(dims, dtype))
	}
	err := eachBlock(t, from, func(block []byte) error {
		for _, d := range list {
			converted, err := convert(block, from, d.dtype)
			if err != nil {
				return err
			}
			d.add(converted)
		}
		return nil
	})
	found := map[onnx.DType]*digest{}
	for _, d := range list {
		found[d.dtype] = &d.digest
	}
	return found, err
}

// digester computes a digest block by block.
type digester struct {
	digest
	dtype onnx.DType
	index []int64
	begun bool
}

// digest returns the digest of an array.
func (a array) digest() *digest {
	d := newDigester(a.dims, a.dtype)
	if len(a.data) > 0 {
		d.add(a.data)
	}
	return &d.digest
}

func newDigester(dims []int64, dtype onnx.DType) *digester {
	d := &digester{digest: digest{dims: dims, uniform: true}, dtype: dtype, index: make([]int64, len(dims))}
	for _, extent := range dims {
		d.rows = append(d.rows, make([]signature, extent))
	}
	return d
}

// add continues with elements in row-major order. Sums along a run of the last axis are added to the other axes once.
func (d *digester) add(block []byte) {
	item, last := storedAs(d.dtype).Bits()/8, len(d.dims)-1
	if !d.begun {
		d.first, d.begun = bitsAt(block, 0, item), true
	}
	run := signature(0)
	flush := func() {
		d.whole += run
		for axis := range max(last, 0) {
			d.rows[axis][d.index[axis]] += run
		}
		run = 0
	}
	for at := 0; at < len(block); at += item {
		bits := bitsAt(block, at, item)
		d.uniform = d.uniform && bits == d.first
		h := mix(bits)
		run += h
		if last < 0 {
			continue
		}
		d.rows[last][d.index[last]] += h
		if d.index[last]++; d.index[last] < d.dims[last] {
			continue
		}
		flush()
		d.index[last] = 0
		for axis := last - 1; axis >= 0; axis-- {
			if d.index[axis]++; d.index[axis] < d.dims[axis] {
				break
			}
			d.index[axis] = 0
		}
	}
	flush()
}

// sums returns the running sums of the signatures of an axis: those of rows i to j are sums[j] - sums[i].
func (d *digest) sums(axis int) []signature {
	if d.running == nil {
		d.running = make([][]signature, len(d.rows))
	}
	if d.running[axis] == nil {
		sums := make([]signature, len(d.rows[axis])+1)
		for i, s := range d.rows[axis] {
			sums[i+1] = sums[i] + s
		}
		d.running[axis] = sums
	}
	return d.running[axis]
}
