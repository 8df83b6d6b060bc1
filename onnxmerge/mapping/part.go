package mapping

import (
	"bytes"
	"fmt"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// dims returns the extents of an expression's result, or an error if the checkpoint's tensors do not fit it.
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
		t, err := v.tensor(e)
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
	case FoldWeight, FoldBias:
		if len(args) == 0 {
			args = [][]int64{nil}
		}
		return v.foldedDims(e, args[0])
	}
	return args[0], nil
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

// windowElements returns how many elements of an expression are evaluated at a time with so many bytes of memory.
func (e *Expression) windowElements(dims []int64, dtype onnx.DType, memory int64) int64 {
	return rowsWithin(dims, max(memory/e.costBytes(dtype), 1))
}

// rowsWithin returns a number of elements up to most: whole rows of the first axis that has several, unless a row has more.
func rowsWithin(dims []int64, most int64) int64 {
	if total := length(dims); total <= most {
		return max(total, 1)
	}
	for len(dims) > 0 && dims[0] == 1 {
		dims = dims[1:]
	}
	row := length(dims[1:])
	return max(most/row*row, min(most, row))
}

// readElements is how many elements are read at a time by each goroutine, in the order of the file: those that are read are
// hashed soon after.
const readElements = 64 << 10

// turnElements is how many elements of an expression are evaluated at a time by each goroutine if its tensors are in memory: about
// what half of the cache of a core holds.
const turnElements = 256 << 10

// turnOf returns how many elements are evaluated at a time if tensors are in memory: turnElements, or more if rows are long.
func turnOf(dims []int64) int64 { return max(rowsWithin(dims, turnElements), fewestRows(dims)) }

// fewestRows returns the length of so many rows that what they have of a row of a matrix that is transposed fills a line of the cache.
func fewestRows(dims []int64) int64 {
	rows := withoutOnes(dims)
	if len(rows) < 2 {
		return length(dims)
	}
	return min(tile, rows[0]) * length(rows[1:])
}

// stripElements is how many elements are evaluated at a time if tensors are not in memory: those of many rows, so that the columns
// of a matrix that is transposed are read in long runs.
const stripElements = 2 << 20

// fewWork is a number of elements that several goroutines do not evaluate faster than one.
const fewWork = 1 << 16

// eachPart calls f with ranges of step elements, by several goroutines, in about their order, until it returns false or an error.
func (l Limits) eachPart(total, step int64, f func(from, to int64) (more bool, err error)) error {
	var next atomic.Int64
	var ended atomic.Bool
	var group errgroup.Group
	for range l.workersFor(total) {
		group.Go(func() error {
			for !ended.Load() {
				from := next.Add(step) - step
				if from >= total {
					return nil
				}
				more, err := f(from, min(from+step, total))
				if !more || err != nil {
					ended.Store(true)
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// equals reports whether an expression gives the elements that want sets dst to, from an element on, in the type dtype. A few
// elements are compared before all are, by several goroutines, in about their order.
func (v evaluator) equals(
	e *Expression, dtype onnx.DType, want func(dst []byte, from int64) error,
) (bool, error) {
	dims, err := v.dims(e)
	if err != nil {
		return false, err
	}
	total := length(dims)
	if same, err := v.equalRange(e, dims, dtype, 0, min(sampled, total), want); !same || err != nil || total <= sampled {
		return same, err
	}
	most := int64(readElements)
	if !e.streams() {
		most = stripElements
		held, free, err := v.inMemory(e)
		if err != nil {
			return false, err
		}
		if held != nil {
			defer free()
			e, most = held, turnOf(dims)
		}
	}
	workers := int64(v.limits.workersFor(total))
	most = min(v.limits.memory()/(4*workers)/e.costBytes(dtype), (total+workers-1)/workers, most)
	var differs atomic.Bool
	err = v.limits.eachPart(total, rowsWithin(dims, max(most, 1)), func(from, to int64) (bool, error) {
		same, err := v.equalRange(e, dims, dtype, from, to, want)
		if err == nil && !same {
			differs.Store(true)
		}
		return same, err
	})
	return !differs.Load(), err
}

// equalRange is equals for a range of elements, evaluated together.
func (v evaluator) equalRange(
	e *Expression, dims []int64, dtype onnx.DType, from, to int64, want func(dst []byte, from int64) error,
) (same bool, err error) {
	item := int64(storedAs(dtype).Bits() / 8)
	err = withScratch((to-from)*item, func(got []byte) error {
		if err := v.elements(got, e, dims, dtype, from); err != nil {
			return err
		}
		same, err = hasElements(got, item, func(dst []byte, at int64) error { return want(dst, from+at) })
		return err
	})
	return same, err
}

// hasElements reports whether data has the elements of item bytes that want gives, some of which it reads at a time.
func hasElements(data []byte, item int64, want func(dst []byte, at int64) error) (same bool, err error) {
	err = withScratch(min(int64(len(data)), blockElements*item), func(b []byte) error {
		at := int64(0)
		for same = true; len(data) > 0 && same; data = data[len(b):] {
			b = b[:min(len(b), len(data))]
			if err := want(b, at); err != nil {
				return err
			}
			same = bytes.Equal(b, data[:len(b)])
			at += int64(len(b)) / item
		}
		return nil
	})
	return same, err
}

// concurrently is elements by several goroutines.
func (v evaluator) concurrently(dst []byte, e *Expression, dims []int64, dtype onnx.DType, from int64) error {
	item := int64(storedAs(dtype).Bits() / 8)
	total := int64(len(dst)) / item
	workers := int64(v.limits.workersFor(total))
	step := rowsWithin(dims, max(min((total+workers-1)/workers, stripElements), 1))
	return v.limits.eachPart(total, step, func(at, to int64) (bool, error) {
		return true, v.elements(dst[at*item:to*item], e, dims, dtype, from+at)
	})
}
