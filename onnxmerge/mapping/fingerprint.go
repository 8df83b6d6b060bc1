package mapping

import (
	"fmt"
	"iter"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// fingerprint is a hash of some elements of an array, at places that depend only on its length: arrays of equal elements in
// row-major order have equal ones. It needs a few hundred bytes of a tensor, and so chooses what is compared.
type fingerprint uint64

// probes is how many elements a fingerprint has, and smallBytes the size of a tensor that is read as a whole for them.
const (
	probes     = 32
	smallBytes = 64 << 10
)

// probeAt returns the place of the k-th probe of an array.
func probeAt(k int, n int64) int64 { return int64(uint64(mix(uint64(k))) % uint64(n)) }

// pick returns some elements of a tensor of any, in an order and converted to a type: those at the places of probeAt.
func pick(t source, from, to onnx.DType, l layout, count int) ([]byte, error) {
	item := int64(from.Bits() / 8)
	raw := make([]byte, int64(count)*item)
	for k := range count {
		if err := t.ReadAt(raw[int64(k)*item:][:item], l.place(probeAt(k, t.Len()))*item); err != nil {
			return nil, err
		}
	}
	return convert(raw, from, to)
}

// fingerprintsOf returns the fingerprints of a tensor of n > 0 elements in each of the orders, after conversion to a type.
func fingerprintsOf(t source, from, to onnx.DType, orders iter.Seq[layout]) ([]fingerprint, error) {
	if t.SizeBytes() <= smallBytes {
		data := make([]byte, t.SizeBytes())
		if err := t.ReadAt(data, 0); err != nil {
			return nil, err
		}
		t = held{t, data}
	}
	var found []fingerprint
	for l := range orders {
		elements, err := pick(t, from, to, l, probes)
		if err != nil {
			return nil, err
		}
		found = append(found, hashInOrder(elements, storedAs(to).Bits()/8))
	}
	return found, nil
}

// held is a source that is in memory.
type held struct {
	source
	data []byte
}

func (h held) ReadAt(dst []byte, off int64) error {
	copy(dst, h.data[off:])
	return nil
}

// hashInOrder hashes elements with their order.
func hashInOrder(data []byte, item int) fingerprint {
	h := signature(0)
	for at := 0; at < len(data); at += item {
		h = mix(uint64(h) ^ bitsAt(data, at, item))
	}
	return fingerprint(h)
}

// inOrder is the order of elements as they are stored.
func inOrder(yield func(layout) bool) { yield(layout{}) }

// fingerprints returns those of a tensor of the checkpoint, in the orders of layoutsOf.
func (f *finder) fingerprints(key heldKey) ([]fingerprint, error) {
	if list := f.printed[key]; list != nil {
		return list, nil
	}
	list, err := fingerprintsOf(key.t, key.t.DType, key.dtype, layoutsOf(key.t.Dims))
	if err != nil {
		return nil, fmt.Errorf("checkpoint's %w", err)
	}
	f.printed[key] = list
	return list, nil
}

// sameBits says whether all elements of a tensor have the same bits, and which.
type sameBits struct {
	first   uint64
	uniform bool
}

// sameBitsOf compares the elements of a tensor, converted to a type, with the first. It reads as far as they equal it.
func sameBitsOf(t source, from, to onnx.DType) (sameBits, error) {
	item, size := int64(from.Bits()/8), storedAs(to).Bits()/8
	raw := make([]byte, min(t.SizeBytes(), blockElements*item))
	var found sameBits
	for off, n := int64(0), probes*item; off < t.SizeBytes(); off, n = off+n, int64(len(raw)) {
		n = min(n, int64(len(raw)), t.SizeBytes()-off)
		if err := t.ReadAt(raw[:n], off); err != nil {
			return found, err
		}
		elements, err := convert(raw[:n], from, to)
		if err != nil {
			return found, err
		}
		if off == 0 {
			found.first = bitsAt(elements, 0, size)
		}
		for at := 0; at < len(elements); at += size {
			if bitsAt(elements, at, size) != found.first {
				return found, nil
			}
		}
	}
	found.uniform = true
	return found, nil
}

// sameBits is sameBitsOf for a tensor of the checkpoint.
func (f *finder) sameBits(key heldKey) (sameBits, error) {
	if b, ok := f.bits[key]; ok {
		return b, nil
	}
	b, err := sameBitsOf(key.t, key.t.DType, key.dtype)
	if err != nil {
		return b, fmt.Errorf("checkpoint's %w", err)
	}
	f.bits[key] = b
	return b, nil
}
