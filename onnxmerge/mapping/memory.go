package mapping

import (
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// heldTensor is elements of a tensor of the checkpoint in memory, in row-major order.
type heldTensor struct {
	*checkpoint.Tensor
	use func(f func(data []byte)) error // calls f with them, and returns an error if they cannot be read
}

func newHeldTensor(t *checkpoint.Tensor, dims []int64, use func(f func(data []byte)) error) *heldTensor {
	named := func(f func(data []byte)) error {
		if err := use(f); err != nil {
			return &checkpoint.ReadError{Tensor: t, Err: err}
		}
		return nil
	}
	read := func(dst []byte, off int64) error { return named(func(data []byte) { copy(dst, data[off:]) }) }
	return &heldTensor{checkpoint.NewTensor(t.Name, t.DType, dims, read), named}
}

// transpose sets dst to a box of the tensor with its axes in the order perm.
func (t *heldTensor) transpose(dst []byte, b box, perm []int) error {
	strides := permuted(stridesOf(t.Dims), perm)
	item, off := t.DType.Bits()/8, int64(0)
	for i, s := range b {
		off += s.start * strides[i]
	}
	return t.use(func(data []byte) {
		gather(dst, data[off*int64(item):], b.dims(), stridesOf(b.dims()), strides, item)
	})
}

// fewViewed is the size in bytes from which on files are used in memory where the system has them: for less, reading is as quick.
const fewViewed = 1 << 20

// inMemory returns an expression with the elements of e whose tensors, or the parts of them that e has, are in memory, and a
// function that frees these; nil if they do not fit in the reserve. Where the system does not have the file itself in memory, it is
// read in its order, whatever the order of e; reading columns of a matrix instead takes several times as long.
func (v evaluator) inMemory(e *Expression) (_ *Expression, free func(), err error) {
	size, err := v.bytesInMemory(e)
	if err != nil {
		return nil, nil, err
	}
	left, freeReserve := v.reserve.take(size)
	if freeReserve == nil {
		return nil, nil, nil
	}
	var views []*checkpoint.View
	free = func() {
		for _, view := range views {
			_ = view.Close() // of what was only read
		}
		freeReserve()
	}
	held, err := v.replaceParts(e, func(part *Expression, dims []int64, t *checkpoint.Tensor) (*Expression, error) {
		size := length(dims) * int64(t.DType.Bits()/8)
		data := left[:size]
		left = left[size:]
		use, err := func(f func(data []byte)) error { f(data); return nil }, error(nil)
		if view := v.view(part, size, t); view != nil {
			views, use = append(views, view), view.Use
		} else {
			err = v.readPart(data, part, dims, t.DType)
		}
		return &Expression{Op: Tensor, Name: t.Name, inMemory: newHeldTensor(t, dims, use)}, err
	})
	if err != nil {
		free()
		return nil, nil, err
	}
	return held, free, nil
}

// readPart sets data to a part of a tensor, by several goroutines.
func (v evaluator) readPart(data []byte, part *Expression, dims []int64, dtype onnx.DType) error {
	item := int64(dtype.Bits() / 8)
	return v.limits.eachPart(length(dims), rowsWithin(dims, readElements), func(from, to int64) error {
		return v.elements(data[from*item:to*item], part, dims, dtype, from)
	})
}

// view returns the size bytes of a part of a tensor as its file has them; nil if they are to be read.
func (v evaluator) view(part *Expression, size int64, t *checkpoint.Tensor) *checkpoint.View {
	first, ok := v.firstOf(part)
	if !ok || size < fewViewed || v.read != nil {
		return nil
	}
	return t.View(first*int64(t.DType.Bits()/8), size)
}

// firstOf returns the index of the first element of a part of a tensor, and whether the others follow it.
func (v evaluator) firstOf(part *Expression) (first int64, contiguous bool) {
	if part.Op == Tensor {
		return 0, part.inMemory == nil
	}
	first, contiguous = v.firstOf(part.Args[0])
	if !contiguous || part.Op != Slice {
		return first, contiguous
	}
	dims, err := v.dims(part.Args[0])
	if err != nil || length(dims[:part.Axis]) != 1 {
		return 0, false
	}
	return first + part.Start*length(dims[part.Axis+1:]), true
}

// bytesInMemory returns how many bytes inMemory holds.
func (v evaluator) bytesInMemory(e *Expression) (size int64, err error) {
	_, err = v.replaceParts(e, func(part *Expression, dims []int64, t *checkpoint.Tensor) (*Expression, error) {
		size += length(dims) * int64(t.DType.Bits()/8)
		return part, nil
	})
	return size, err
}

// replaceParts returns e with other expressions in place of its largest parts that are elements of one tensor in their order.
func (v evaluator) replaceParts(
	e *Expression, f func(part *Expression, dims []int64, t *checkpoint.Tensor) (*Expression, error),
) (*Expression, error) {
	if e.isPart() {
		dims, err := v.dims(e)
		if err != nil {
			return nil, err
		}
		return f(e, dims, v.lookup(e.Names()[0]))
	}
	replaced := *e
	replaced.Args = slices.Clone(e.Args)
	for i, arg := range e.Args {
		var err error
		if replaced.Args[i], err = v.replaceParts(arg, f); err != nil {
			return nil, err
		}
	}
	return &replaced, nil
}

// isPart reports whether an expression is a part of one tensor, in another shape at most.
func (e *Expression) isPart() bool {
	return e.Op == Tensor || (e.Op == Reshape || e.Op == Slice) && e.Args[0].isPart()
}
