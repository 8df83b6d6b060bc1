package onnxmerge

import (
	"sync"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// reader reads a source's payload as the fine-tuned tensor holds it.
type reader func(dst []byte, off int64) error

// source reads t with its axes in the order of perm, elements of the given size in bytes.
func source(t *onnx.Tensor, perm []int, size int) reader {
	if perm == nil {
		return t.ReadAt
	}
	return newTransposed(t, perm, size).readAt
}

// transposed reads a payload with its axes in another order. It holds the whole payload
// from the first call on.
type transposed struct {
	source  *onnx.Tensor
	size    int     // bytes of an element
	dims    []int64 // in the order in which it is read
	strides []int64 // in elements of the source, for each of dims
	load    func() ([]byte, error)
}

// newTransposed reads source in the order of perm, which lists source's axes; those of
// length 1 may be left out.
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
	at := make([]int64, len(t.dims)) // the element that dst begins with
	from := int64(0)                 // where it is in the source
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
