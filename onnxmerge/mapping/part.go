package mapping

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
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

// repeat calls f by several goroutines until it returns false or an error.
func (l Limits) repeat(elements int64, f func() (more bool, err error)) error {
	var ended atomic.Bool
	var group errgroup.Group
	for range l.workersFor(elements) {
		group.Go(func() error {
			for !ended.Load() {
				more, err := f()
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

// eachPart calls f with ranges of step elements, by several goroutines, in about their order, until it returns an error.
func (l Limits) eachPart(total, step int64, f func(from, to int64) error) error {
	var next atomic.Int64
	return l.repeat(total, func() (bool, error) {
		from := next.Add(step) - step
		if from >= total {
			return false, nil
		}
		return true, f(from, min(from+step, total))
	})
}

// equals reports whether an expression gives the elements that want sets dst to, from an element on, in the type dtype. A few
// elements are compared before all are, by several goroutines. One at a time calls want, in the order of the elements: a file is
// then hashed from what was read last, and nothing of it waits for what is before.
func (v evaluator) equals(
	e *Expression, dtype onnx.DType, want func(dst []byte, from int64) error,
) (bool, error) {
	dims, err := v.dims(e)
	if err != nil {
		return false, err
	}
	c := equality{values: v, expression: e, dims: dims, dtype: dtype, want: want}
	total := length(dims)
	if same, err := c.first(min(sampled, total)); !same || err != nil || total <= sampled {
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
			c.expression, most = held, turnOf(dims)
		}
	}
	workers := int64(v.limits.workersFor(total))
	each := e.costBytes(dtype) + c.item()
	most = min(v.limits.memory()/(4*workers)/each, (total+workers-1)/workers, most)
	return c.parts(rowsWithin(dims, max(most, 1)))
}

// equality compares the elements of an expression with those that want gives.
type equality struct {
	values     evaluator
	expression *Expression
	dims       []int64 // of the expression
	dtype      onnx.DType
	want       func(dst []byte, from int64) error
}

// item returns the bytes of an element.
func (c *equality) item() int64 { return int64(storedAs(c.dtype).Bits() / 8) }

// parts compares all elements, step at a time.
func (c *equality) parts(step int64) (same bool, err error) {
	var turn sync.Mutex
	var next int64
	var differs atomic.Bool
	total := length(c.dims)
	take := func(data []byte) (from int64, wanted []byte, err error) {
		turn.Lock()
		defer turn.Unlock()
		from, next = next, min(next+step, total)
		wanted = data[:(next-from)*c.item()]
		return from, wanted, c.read(wanted, from)
	}
	err = c.values.limits.repeat(total, func() (more bool, err error) {
		err = withScratch(step*c.item(), func(data []byte) error {
			from, wanted, err := take(data)
			if err != nil || len(wanted) == 0 {
				return err
			}
			more, err = c.has(wanted, from)
			if !more {
				differs.Store(true)
			}
			return err
		})
		return more, err
	})
	return !differs.Load(), err
}

// first compares the first n elements.
func (c *equality) first(n int64) (same bool, err error) {
	err = withScratch(n*c.item(), func(wanted []byte) error {
		if err := c.read(wanted, 0); err != nil {
			return err
		}
		same, err = c.has(wanted, 0)
		return err
	})
	return same, err
}

// read sets data to the elements that are wanted from one on, blockElements at a time: those that are read are hashed soon after.
func (c *equality) read(data []byte, from int64) error {
	for len(data) > 0 {
		n := min(int64(len(data)), blockElements*c.item())
		if err := c.want(data[:n], from); err != nil {
			return err
		}
		data, from = data[n:], from+n/c.item()
	}
	return nil
}

// has reports whether wanted has the elements of the expression from one on.
func (c *equality) has(wanted []byte, from int64) (same bool, err error) {
	err = withScratch(int64(len(wanted)), func(got []byte) error {
		err := c.values.elements(got, c.expression, c.dims, c.dtype, from)
		same = err == nil && bytes.Equal(got, wanted)
		return err
	})
	return same, err
}

// concurrently is elements by several goroutines.
func (v evaluator) concurrently(dst []byte, e *Expression, dims []int64, dtype onnx.DType, from int64) error {
	item := int64(storedAs(dtype).Bits() / 8)
	total := int64(len(dst)) / item
	workers := int64(v.limits.workersFor(total))
	step := rowsWithin(dims, max(min((total+workers-1)/workers, stripElements), 1))
	return v.limits.eachPart(total, step, func(at, to int64) error {
		return v.elements(dst[at*item:to*item], e, dims, dtype, from+at)
	})
}
