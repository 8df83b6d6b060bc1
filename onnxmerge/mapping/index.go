package mapping

import (
	"context"
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// part is some rows of a tensor of the checkpoint, or the whole of it.
type part struct {
	tensor     *checkpoint.Tensor
	axis       int // of the rows; -1 for the whole tensor
	start, end int64
	dims       []int64
}

// expression returns the part of the tensor.
func (p part) expression() *Expression {
	x := &Expression{Op: Tensor, Name: p.tensor.Name}
	if p.axis < 0 {
		return x
	}
	return &Expression{Op: Slice, Args: []*Expression{x}, Axis: p.axis, Start: p.start, End: p.end}
}

// chunks are the numbers of equal parts into which fused tensors are taken apart: gates of recurrent layers, and
// queries, keys and values of attention with gates.
var chunks = []int64{2, 3, 4, 6, 8}

// index finds tensors of a checkpoint by the signature of their elements after conversion to one type.
type index struct {
	dtype   onnx.DType
	digests map[*checkpoint.Tensor]*digest
	whole   map[signature][]part
	parts   map[signature][]part // equal parts along an axis, and whole tensors
	lengths []int64              // of parts in elements, ascending
	byShape map[int64][]*checkpoint.Tensor
}

// newIndexes reads every floating-point tensor of the checkpoint once.
func newIndexes(ctx context.Context, c *checkpoint.Checkpoint, dtypes []onnx.DType) (map[onnx.DType]*index, error) {
	list := map[onnx.DType]*index{}
	for _, d := range dtypes {
		list[d] = &index{dtype: d, digests: map[*checkpoint.Tensor]*digest{}, whole: map[signature][]part{},
			parts: map[signature][]part{}, byShape: map[int64][]*checkpoint.Tensor{}}
	}
	for _, t := range c.Tensors {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if !isSupported(t.DType) || t.Len() == 0 {
			continue
		}
		found, err := digestOf(t, t.DType, t.Dims, dtypes)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		for dtype, d := range found {
			list[dtype].add(t, d)
		}
	}
	for _, x := range list {
		slices.Sort(x.lengths)
		x.lengths = slices.Compact(x.lengths)
	}
	return list, nil
}

func (x *index) add(t *checkpoint.Tensor, d *digest) {
	n := t.Len()
	x.digests[t] = d
	x.byShape[n] = append(x.byShape[n], t)
	all := part{tensor: t, axis: -1, dims: t.Dims}
	x.whole[d.whole] = append(x.whole[d.whole], all)
	x.parts[d.whole] = append(x.parts[d.whole], all)
	x.lengths = append(x.lengths, n)
	if d.uniform {
		return
	}
	for axis, extent := range t.Dims {
		sums := []signature(nil)
		for _, k := range chunks {
			if extent%k != 0 {
				continue
			}
			if sums == nil {
				sums = d.sums(axis)
			}
			rows := extent / k
			dims := slices.Clone(t.Dims)
			dims[axis] = rows
			for i := range k {
				s := sums[(i+1)*rows] - sums[i*rows]
				x.parts[s] = append(x.parts[s], part{t, axis, i * rows, (i + 1) * rows, dims})
			}
			x.lengths = append(x.lengths, n/k)
		}
	}
}
