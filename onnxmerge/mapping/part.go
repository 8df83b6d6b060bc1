package mapping

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// dims returns the extents of an expression's result.
func (v evaluator) dims(e *Expression) ([]int64, error) {
	var args [][]int64
	for _, arg := range e.Args {
		dims, err := v.dims(arg)
		if err != nil {
			return nil, err
		}
		args = append(args, dims)
	}
	switch e.Op {
	case Tensor:
		t, err := v.find(e.Name)
		if err != nil {
			return nil, err
		}
		return t.Dims, nil
	case Reshape, Repeat, Constant:
		if e.Op == Reshape && length(e.Dims) != length(args[0]) {
			return nil, fmt.Errorf("an array of shape %v cannot have the shape %v", args[0], e.Dims)
		}
		return e.Dims, nil
	case Transpose:
		if len(e.Perm) != len(args[0]) {
			return nil, fmt.Errorf("an array of shape %v has not %d axes", args[0], len(e.Perm))
		}
		return permuted(args[0], e.Perm), nil
	case Slice:
		return slicedDims(args[0], e.Axis, e.Start, e.End)
	case Concat:
		return joinedDims(e.Axis, args)
	case FoldBias:
		t, err := v.find(e.Norm.Mean)
		if err != nil {
			return nil, err
		}
		return []int64{t.Len()}, nil
	}
	return args[0], nil
}

// part evaluates a box of an expression's result, as move does, without computing more than that. Leaves are tensors.
func (v evaluator) part(e *Expression, b box, dtype onnx.DType) (array, error) {
	switch e.Op {
	case Tensor:
		t, err := v.find(e.Name)
		if err != nil {
			return array{}, err
		}
		return readPart(t, b, dtype)
	case Reshape, Repeat:
		return v.rearranged(e, b, dtype)
	case Transpose:
		inner := make(box, len(b))
		for i, p := range e.Perm {
			inner[p] = b[i]
		}
		a, err := v.part(e.Args[0], inner, dtype)
		if err != nil {
			return array{}, err
		}
		return a.transpose(e.Perm)
	case Slice:
		inner := slices.Clone(b)
		inner[e.Axis] = span{b[e.Axis].start + e.Start, b[e.Axis].end + e.Start}
		return v.part(e.Args[0], inner, dtype)
	case Concat:
		return v.joinedPart(e, b, dtype)
	case Half:
		return v.part(e.Args[0], b, dtype)
	case Constant:
		return filled(e.Factor, b.dims(), dtype)
	case Scale:
		a, err := v.part(e.Args[0], b, dtype)
		if err != nil {
			return array{}, err
		}
		return mapNumbers(a, func(x float64) float64 { return x * e.Factor }), nil
	case FoldWeight:
		return v.foldedPart(e, b, dtype)
	}
	a, err := v.move(e, dtype) // one value for each channel
	if err != nil {
		return array{}, err
	}
	return a.slice(0, b[0].start, b[0].end)
}

// rearranged is part for an argument whose elements are read in row-major order, once or repeatedly.
func (v evaluator) rearranged(e *Expression, b box, dtype onnx.DType) (array, error) {
	arg := e.Args[0]
	inner, err := v.dims(arg)
	if err != nil {
		return array{}, err
	}
	out := newArray(dtype, b.dims())
	at, n := 0, length(inner)
	err = b.runs(e.Dims, func(from, to int64) error {
		for from < to {
			first := from % n
			end := min(first+to-from, n)
			from += end - first
			err := eachBox(inner, first, end, func(p box) error {
				a, err := v.part(arg, p, dtype)
				at += copy(out.data[at:], a.data)
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// joinedPart is part for a concatenation.
func (v evaluator) joinedPart(e *Expression, b box, dtype onnx.DType) (array, error) {
	var parts []array
	at := int64(0) // where the argument begins along the axis
	for _, arg := range e.Args {
		dims, err := v.dims(arg)
		if err != nil {
			return array{}, err
		}
		extent := dims[e.Axis]
		inner := slices.Clone(b)
		inner[e.Axis] = span{max(b[e.Axis].start-at, 0), min(b[e.Axis].end-at, extent)}
		at += extent
		if inner[e.Axis].start >= inner[e.Axis].end {
			continue
		}
		a, err := v.part(arg, inner, dtype)
		if err != nil {
			return array{}, err
		}
		parts = append(parts, a)
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	return concat(e.Axis, parts)
}

// foldedPart is part for a weight with the factors of a BatchNormalization.
func (v evaluator) foldedPart(e *Expression, b box, dtype onnx.DType) (array, error) {
	dims, err := v.dims(e.Args[0])
	if err != nil {
		return array{}, err
	}
	n, err := v.norm(e.Norm)
	if err == nil {
		err = n.check(e, dims)
	}
	if err != nil {
		return array{}, err
	}
	a, err := v.part(e.Args[0], b, dtype)
	if err != nil {
		return array{}, err
	}
	return scaleChannels(a, e.Axis, n.scale[b[e.Axis].start:b[e.Axis].end]), nil
}

// readPart returns a box of a tensor of a checkpoint, converted.
func readPart(t *checkpoint.Tensor, b box, to onnx.DType) (array, error) {
	out := newArray(to, b.dims())
	item, at := int64(t.DType.Bits()/8), 0
	read := func(from, to int64) error {
		n := int((to - from) * item)
		at += n
		return t.ReadAt(out.data[at-n:at], from*item)
	}
	if t.DType != to {
		read = func(from, end int64) error {
			for ; from < end; from += blockElements {
				raw := make([]byte, min(blockElements, end-from)*item)
				if err := t.ReadAt(raw, from*item); err != nil {
					return err
				}
				converted, err := convert(raw, t.DType, to)
				at += copy(out.data[at:], converted)
				if err != nil {
					return err
				}
			}
			return nil
		}
	}
	return out, b.runs(t.Dims, read)
}

// elements evaluates the elements from from to to of an expression's result, whose extents are dims, in a type, rounded once.
func (v evaluator) elements(e *Expression, dims []int64, dtype onnx.DType, from, to int64) ([]byte, error) {
	var data []byte
	err := eachBox(dims, from, to, func(b box) error {
		a, err := v.evaluateBy(e, dtype, func(e *Expression, as onnx.DType) (array, error) { return v.part(e, b, as) })
		if data == nil {
			data = a.data
		} else {
			data = append(data, a.data...)
		}
		return err
	})
	if want := (to - from) * int64(storedAs(dtype).Bits()/8); err == nil && int64(len(data)) != want {
		err = fmt.Errorf("%s has %d bytes of elements %d to %d, want %d", e, len(data), from, to, want)
	}
	return data, err
}

// streams reports whether parts of an expression take little more than their own size and time: it has no transposition,
// and no folded factors.
func (e *Expression) streams() bool {
	switch e.Op {
	case Transpose, FoldWeight, FoldBias:
		return false
	}
	return !slices.ContainsFunc(e.Args, func(a *Expression) bool { return !a.streams() })
}

// costBytes returns about how many bytes the evaluation of an element takes: arguments beside the result, and float64 beside
// its encoded form for what is computed.
func (e *Expression) costBytes(dtype onnx.DType) int64 {
	if e.IsExact() {
		return 2 * int64(storedAs(dtype).Bits()/8)
	}
	return 40
}

// windowElements returns how many elements of an expression are evaluated at a time with so many bytes of memory: whole rows
// of the first axis that has several, unless a row takes more.
func (e *Expression) windowElements(dims []int64, dtype onnx.DType, memory int64) int64 {
	most, total := max(memory/e.costBytes(dtype), 1), length(dims)
	if total <= most {
		return max(total, 1)
	}
	for len(dims) > 0 && dims[0] == 1 {
		dims = dims[1:]
	}
	row := length(dims[1:])
	return max(most/row*row, min(most, row))
}

// compareBytes is what the evaluation of an expression takes in a comparison.
const compareBytes = 32 << 20

// equals reports whether an expression gives the elements that read returns in the type dtype, for ranges of elements. A few
// elements are compared before all are.
func (v evaluator) equals(
	e *Expression, dtype onnx.DType, read func(from, to int64) ([]byte, error),
) (bool, error) {
	dims, err := v.dims(e)
	if err != nil {
		return false, err
	}
	total := length(dims)
	compare := func(from, to int64) (bool, error) {
		want, err := read(from, to)
		if err != nil {
			return false, err
		}
		got, err := v.elements(e, dims, dtype, from, to)
		return bytes.Equal(got, want), err
	}
	if same, err := compare(0, min(sampled, total)); !same || err != nil {
		return false, err
	}
	step := e.windowElements(dims, dtype, compareBytes)
	for from := int64(0); from < total; from += step {
		if same, err := compare(from, min(from+step, total)); !same || err != nil {
			return false, err
		}
	}
	return true, nil
}
