package mapping

import (
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
)

// heldTensor is elements of a tensor of the checkpoint in memory, in row-major order.
type heldTensor struct {
	*checkpoint.Tensor
	data []byte
}

func newHeldTensor(t *checkpoint.Tensor, dims []int64, data []byte) *heldTensor {
	read := func(dst []byte, off int64) error {
		copy(dst, data[off:])
		return nil
	}
	return &heldTensor{checkpoint.NewTensor(t.Name, t.DType, dims, read), data}
}

// transpose sets dst to a box of the tensor with its axes in the order perm.
func (t *heldTensor) transpose(dst []byte, b box, perm []int) {
	strides := permuted(stridesOf(t.Dims), perm)
	item, off := t.DType.Bits()/8, int64(0)
	for i, s := range b {
		off += s.start * strides[i]
	}
	gather(dst, t.data[off*int64(item):], b.dims(), stridesOf(b.dims()), strides, item)
}

// inMemory returns an expression with the elements of e whose tensors, or the parts of them that e has, are in memory, and a
// function that frees these; nil if they do not fit in the reserve. Files are read in their order, whatever the order of e; reading
// columns of a matrix instead takes several times as long.
func (v evaluator) inMemory(e *Expression) (_ *Expression, free func(), err error) {
	size, err := v.bytesInMemory(e)
	if err != nil {
		return nil, nil, err
	}
	left, free := v.reserve.take(size)
	if free == nil {
		return nil, nil, nil
	}
	held, err := v.replaceParts(e, func(part *Expression, dims []int64, t *checkpoint.Tensor) (*Expression, error) {
		item := int64(t.DType.Bits() / 8)
		data := left[:length(dims)*item]
		left = left[len(data):]
		err := v.limits.eachPart(length(dims), rowsWithin(dims, readElements), func(from, to int64) (bool, error) {
			return true, v.elements(data[from*item:to*item], part, dims, t.DType, from)
		})
		return &Expression{Op: Tensor, Name: t.Name, inMemory: newHeldTensor(t, dims, data)}, err
	})
	if err != nil {
		free()
		return nil, nil, err
	}
	return held, free, nil
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
