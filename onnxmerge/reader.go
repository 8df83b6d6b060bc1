package onnxmerge

import (
	"sync"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// reader reads bytes of a payload from byte off on, in the dtype and axis order of the fine-tuned tensor.
type reader func(dst []byte, off int64) error

// source returns a reader of t with its axes in the order of perm (nil: as stored). size is the size of an element in
// bytes.
func source(t *onnx.Tensor, perm []int, size int) reader {
	if perm == nil {
		return t.ReadAt
	}
	return newTransposed(t, perm, size).readAt
}

// transposed reads a payload with its axes in another order. From the first call on it holds the whole payload in
// memory.
type transposed struct {
	source  *onnx.Tensor
	size    int     // of an element, in bytes
	dims    []int64 // in the order of perm
	strides []int64 // of each of dims, in elements of the source
	load    func() ([]byte, error)
}

// newTransposed reads source in the order of perm, which lists axes of source; axes of length 1 may be omitted.
func newTransposed(source *onnx.Tensor, perm []int, size int) *transposed {
	strides := make([]int64, len(source.Dims))
	step := int64(1)
	for i := len(strides) - 1; i >= 0; i-- {
		strides[i] = step
		step *= source.Dims[i]
	}
	t := &transposed{source: source, size: size}
	for _, axis := range perm {
		t.dims = append(t.dims, source.Dims[axis])
		t.strides = append(t.strides, strides[axis])
	}
	t.load = sync.OnceValues(func() ([]byte, error) {
		data := make([]byte, source.SizeBytes())
		return data, source.ReadAt(data, 0)
	})
	return t
}

func (t *transposed) readAt(dst []byte, off int64) error {
	data, err := t.load()
	if err != nil {
		return err
	}
	size := int64(t.size)
	at := make([]int64, len(t.dims)) // index of the element that is read next
	from := int64(0)                 // its index in the source
	rest := off / size
	for i := len(at) - 1; i >= 0; i-- {
		at[i] = rest % t.dims[i]
		rest /= t.dims[i]
		from += at[i] * t.strides[i]
	}
	for ; len(dst) > 0; dst = dst[size:] {
		copy(dst[:size], data[from*size:])
		for i := len(at) - 1; i >= 0; i-- {
			at[i]++
			from += t.strides[i]
			if at[i] < t.dims[i] {
				break
			}
			from -= at[i] * t.strides[i]
			at[i] = 0
		}
	}
	return nil
}
