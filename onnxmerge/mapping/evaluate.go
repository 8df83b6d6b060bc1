package mapping

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// evaluator computes expressions over a checkpoint. dims checks an expression; the other methods take checked ones.
type evaluator struct {
	lookup func(name string) *checkpoint.Tensor
	limits Limits
	// reserve, if not nil, is where tensors are held whose elements are needed in another order than that of their file.
	reserve *reserve
	// read, if not nil, gives the elements of a box of a tensor in place of its own.
	read func(dst []byte, t *checkpoint.Tensor, b box, dtype onnx.DType) error
}

// evaluate returns the array of an expression in a type, rounded once.
func (v evaluator) evaluate(e *Expression, dtype onnx.DType) (array, error) {
	dims, err := v.dims(e)
	if err != nil {
		return array{}, err
	}
	a := newArray(dtype, dims)
	return a, v.elements(a.data, e, dims, dtype, 0)
}

// elements sets dst to the elements from from on of an expression's result, whose extents are dims, in a type, rounded once.
func (v evaluator) elements(dst []byte, e *Expression, dims []int64, dtype onnx.DType, from int64) error {
	item := int64(storedAs(dtype).Bits() / 8)
	return eachBox(dims, from, from+int64(len(dst))/item, func(b box) error {
		size := b.length() * item
		err := v.rounded(dst[:size], e, b, dtype)
		dst = dst[size:]
		return err
	})
}

// rounded sets dst to a box of an expression's result in a type, rounded once.
func (v evaluator) rounded(dst []byte, e *Expression, b box, dtype onnx.DType) error {
	switch {
	case e.Op == Half:
		return v.fill(dst, e.Args[0], b, e.as)
	case e.IsExact():
		return v.fill(dst, e, b, dtype)
	}
	return withScratch(8*b.length(), func(wide []byte) error {
		if err := v.fill(wide, e, b, onnx.Float64); err != nil {
			return err
		}
		return convertTo(dst, wide, onnx.Float64, dtype)
	})
}

// fill sets dst to a box of an expression's result, in a type to which tensors are converted first. That is float64 if the
// expression is not exact.
func (v evaluator) fill(dst []byte, e *Expression, b box, dtype onnx.DType) error {
	switch e.Op {
	case Tensor:
		t, err := v.tensor(e)
		if err != nil {
			return err
		}
		if v.read != nil {
			return v.read(dst, t, b, dtype)
		}
		return readBox(dst, t, b, dtype)
	case Reshape, Repeat:
		return v.fillReshaped(dst, e, b, dtype)
	case Transpose:
		return v.fillTransposed(dst, e, b, dtype)
	case Slice:
		inner := slices.Clone(b)
		inner[e.Axis] = span{b[e.Axis].start + e.Start, b[e.Axis].end + e.Start}
		return v.fill(dst, e.Args[0], inner, dtype)
	case Concat:
		return v.fillJoined(dst, e, b, dtype)
	case Half:
		return v.fill(dst, e.Args[0], b, dtype)
	case Constant:
		return fillConstant(dst, e.Factor, dtype)
	case Scale:
		err := v.fill(dst, e.Args[0], b, dtype)
		mapNumbers(dst, func(_ int, x float64) float64 { return x * e.Factor })
		return err
	case FoldWeight:
		return v.fillFoldedWeight(dst, e, b, dtype)
	case FoldBias:
		return v.fillFoldedBias(dst, e, b, dtype)
	}
	return fmt.Errorf("mapping: operation %d is not known", int(e.Op))
}

// fillReshaped is fill for an argument whose elements are read in row-major order, once or repeatedly.
func (v evaluator) fillReshaped(dst []byte, e *Expression, b box, dtype onnx.DType) error {
	arg := e.Args[0]
	inner, err := v.dims(arg)
	if err != nil {
		return err
	}
	item, n := int64(storedAs(dtype).Bits()/8), length(inner)
	fill := func(p box) error {
		size := p.length() * item
		err := v.fill(dst[:size], arg, p, dtype)
		dst = dst[size:]
		return err
	}
	return b.runs(e.Dims, func(from, to int64) error {
		for from < to {
			first := from % n
			end := min(first+to-from, n)
			from += end - first
			if err := eachBox(inner, first, end, fill); err != nil {
				return err
			}
		}
		return nil
	})
}

// stripBytes is how much of an argument is transposed at a time: it stays in the cache of a core.
const stripBytes = 256 << 10

// fillTransposed is fill for an argument with other axes, of which it holds some rows at a time.
func (v evaluator) fillTransposed(dst []byte, e *Expression, b box, dtype onnx.DType) error {
	if held := e.Args[0].inMemory; held != nil && held.DType == dtype {
		return held.transpose(dst, b, e.Perm)
	}
	inner := make(box, len(b))
	for i, p := range e.Perm {
		inner[p] = b[i]
	}
	item, to, dims := storedAs(dtype).Bits()/8, stridesOf(b.dims()), b.dims()
	axis := slices.Index(e.Perm, 0)
	rows := dims[axis]
	step := max(stripBytes*rows/int64(max(len(dst), 1)), 1)
	for first := int64(0); first < rows; first += step {
		part := slices.Clone(inner)
		part[0].start += first
		part[0].end = min(part[0].start+step, part[0].end)
		dims[axis] = part[0].end - part[0].start
		err := withScratch(part.length()*int64(item), func(src []byte) error {
			err := v.fill(src, e.Args[0], part, dtype)
			gather(dst[first*to[axis]*int64(item):], src, dims, to, permuted(stridesOf(part.dims()), e.Perm), item)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// fillJoined is fill for a concatenation.
func (v evaluator) fillJoined(dst []byte, e *Expression, b box, dtype onnx.DType) error {
	extents := b.dims()
	outer := length(extents[:e.Axis])
	step := int64(len(dst)) / max(outer, 1) // bytes between rows of the axes before
	inner := step / max(extents[e.Axis], 1)
	begin, at := int64(0), int64(0) // of the argument along the axis, and in dst
	for _, arg := range e.Args {
		dims, err := v.dims(arg)
		if err != nil {
			return err
		}
		part := slices.Clone(b)
		part[e.Axis] = span{max(b[e.Axis].start-begin, 0), min(b[e.Axis].end-begin, dims[e.Axis])}
		begin += dims[e.Axis]
		rows := part[e.Axis].end - part[e.Axis].start
		if rows <= 0 {
			continue
		}
		size := rows * inner
		if outer == 1 {
			err = v.fill(dst[at:at+size], arg, part, dtype)
		} else {
			err = withScratch(outer*size, func(src []byte) error {
				err := v.fill(src, arg, part, dtype)
				for o := range outer {
					copy(dst[o*step+at:], src[o*size:(o+1)*size])
				}
				return err
			})
		}
		if err != nil {
			return err
		}
		at += size
	}
	return nil
}

// tensor returns the tensor that an expression is.
func (v evaluator) tensor(e *Expression) (*checkpoint.Tensor, error) {
	if e.inMemory != nil {
		return e.inMemory.Tensor, nil
	}
	return v.find(e.Name)
}

// find returns a tensor of the checkpoint whose elements can be rearranged.
func (v evaluator) find(name string) (*checkpoint.Tensor, error) {
	t := v.lookup(name)
	if t == nil {
		return nil, fmt.Errorf("the checkpoint has no tensor %q", name)
	}
	if !isSupported(t.DType) {
		return nil, fmt.Errorf("tensor %q has the type %s; floating-point types of 8 bits and more are supported", name, t.Type)
	}
	return t, nil
}

// readBox sets dst to a box of a tensor of a checkpoint, converted.
func readBox(dst []byte, t *checkpoint.Tensor, b box, to onnx.DType) error {
	item, size := int64(t.DType.Bits()/8), int64(storedAs(to).Bits()/8)
	return b.runs(t.Dims, func(from, end int64) error {
		n := (end - from) * size
		err := readRange(dst[:n], t, t.DType, to, from, item)
		dst = dst[n:]
		return err
	})
}

// readRange sets dst to elements of a tensor from from on, converted; item is the size of one there.
func readRange(dst []byte, t source, dtype, to onnx.DType, from, item int64) error {
	if dtype == to {
		return t.ReadAt(dst, from*item)
	}
	size := int64(storedAs(to).Bits() / 8)
	return withScratch(min(blockElements, int64(len(dst))/size)*item, func(raw []byte) error {
		for len(dst) > 0 {
			n := min(int64(len(raw)), int64(len(dst))/size*item)
			if err := t.ReadAt(raw[:n], from*item); err != nil {
				return err
			}
			if err := convertTo(dst[:n/item*size], raw[:n], dtype, to); err != nil {
				return err
			}
			dst, from = dst[n/item*size:], from+n/item
		}
		return nil
	})
}

// fillConstant sets all elements of dst to a number.
func fillConstant(dst []byte, x float64, dtype onnx.DType) error {
	one, err := convert(fromNumbers([]float64{x}, nil).data, onnx.Float64, dtype)
	for len(dst) > 0 && err == nil {
		dst = dst[copy(dst, one):]
	}
	return err
}

// mapNumbers replaces float64 elements.
func mapNumbers(data []byte, f func(i int, x float64) float64) {
	for i := range len(data) / 8 {
		at := data[8*i:]
		x := math.Float64frombits(binary.LittleEndian.Uint64(at))
		binary.LittleEndian.PutUint64(at, math.Float64bits(f(i, x)))
	}
}
