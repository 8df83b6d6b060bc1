package checkpoint

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"weak"

	"github.com/wiseft/wiseft/internal/pickle"
)

// view is a tensor of a PyTorch checkpoint: some elements of a storage.
type view struct {
	storage *storage
	kind    scalarType
	off     int64 // of the first element in the storage, in elements
	dims    []int64
	strides []int64 // in elements

	lock sync.Mutex
	held weak.Pointer[[]byte] // the span of a tensor that is not contiguous
}

// newView makes a tensor of a storage, checked against its size.
func newView(s *storage, kind scalarType, off any, size, stride any) (*view, error) {
	at, ok := off.(int64)
	dims, err1 := integers(size)
	strides, err2 := integers(stride)
	if !ok || err1 != nil || err2 != nil || len(dims) != len(strides) || len(dims) > maxRank {
		return nil, fmt.Errorf("has a tensor with offset %v, shape %v and strides %v", off, size, stride)
	}
	n, fits := product(dims)
	if !fits || at < 0 {
		return nil, fmt.Errorf("has a tensor of shape %v at element %d", dims, at)
	}
	have := s.size / kind.size
	if n > have {
		return nil, malformedf("has a tensor of shape %v that repeats the %d elements of its storage", dims, have).
			WithHint("save it as tensor.contiguous()")
	}
	last := at
	for i, d := range dims {
		if strides[i] < 0 {
			return nil, fmt.Errorf("has a tensor with the strides %v", strides)
		}
		if n > 0 && d > 1 {
			if strides[i] > have/(d-1) {
				return nil, fmt.Errorf("has a tensor of shape %v and strides %v beyond its storage of %d elements", dims, strides, have)
			}
			last += strides[i] * (d - 1)
		}
		if last > have {
			break
		}
	}
	if n > 0 && last >= have {
		return nil, fmt.Errorf("has a tensor of shape %v, strides %v and offset %d beyond its storage of %d elements",
			dims, strides, at, have)
	}
	return &view{storage: s, kind: kind, off: at, dims: dims, strides: strides}, nil
}

// integers returns the elements of a tuple or list of integers.
func integers(v any) ([]int64, error) {
	var items []any
	switch v := v.(type) {
	case pickle.Tuple:
		items = v
	case *pickle.List:
		items = v.Items
	default:
		return nil, errors.New("no tuple")
	}
	out := make([]int64, len(items))
	for i, item := range items {
		n, ok := item.(int64)
		if !ok {
			return nil, errors.New("no integer")
		}
		out[i] = n
	}
	return out, nil
}

// isContiguous reports whether the elements lie in row-major order.
func (v *view) isContiguous() bool {
	want := int64(1)
	for i, d := range slices.Backward(v.dims) {
		if d != 1 && v.strides[i] != want {
			return false
		}
		want *= d
	}
	return true
}

// isStored reports whether readAt gives bytes of the storage as they are, one after the other.
func (v *view) isStored() bool { return v.isContiguous() && v.storage.order != binary.BigEndian }

// readAt sets dst to the bytes from off on of the elements in row-major order.
func (v *view) readAt(dst []byte, off int64) error {
	if v.isContiguous() {
		if err := v.storage.read(dst, v.off*v.kind.size+off); err != nil {
			return err
		}
	} else if err := v.gather(dst, off); err != nil {
		return err
	}
	if v.storage.order == binary.BigEndian {
		return v.reverse(dst, off)
	}
	return nil
}

// reverse turns big-endian words into little-endian ones.
func (v *view) reverse(dst []byte, off int64) error {
	if off%v.kind.word != 0 || int64(len(dst))%v.kind.word != 0 {
		return errors.New("a part of an element is read")
	}
	for word := range slices.Chunk(dst, int(v.kind.word)) {
		slices.Reverse(word)
	}
	return nil
}

// read reads bytes of a storage.
func (s *storage) read(dst []byte, off int64) error {
	_, err := s.r.ReadAt(dst, off)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// gather reads elements that do not lie in row-major order.
func (v *view) gather(dst []byte, off int64) error {
	size := v.kind.size
	if off%size != 0 || int64(len(dst))%size != 0 {
		return errors.New("a part of an element is read")
	}
	span, err := v.span()
	if err != nil {
		return err
	}
	index := make([]int64, len(v.dims))
	rest := off / size
	for i, d := range slices.Backward(v.dims) {
		index[i], rest = rest%d, rest/d
	}
	for ; len(dst) > 0; dst = dst[size:] {
		at := int64(0)
		for i, k := range index {
			at += k * v.strides[i]
		}
		copy(dst[:size], span[at*size:])
		for i := len(index) - 1; i >= 0; i-- {
			if index[i]++; index[i] < v.dims[i] {
				break
			}
			index[i] = 0
		}
	}
	return nil
}

// span returns the bytes of the storage from the tensor's first element to its last, which newView has compared with
// the file. They are read again when the memory was needed in between.
func (v *view) span() ([]byte, error) {
	v.lock.Lock()
	defer v.lock.Unlock()
	if held := v.held.Value(); held != nil {
		return *held, nil
	}
	last := int64(0)
	for i, d := range v.dims {
		last += (d - 1) * v.strides[i]
	}
	b := make([]byte, (last+1)*v.kind.size)
	if err := v.storage.read(b, v.off*v.kind.size); err != nil {
		return nil, err
	}
	v.held = weak.Make(&b)
	return b, nil
}
