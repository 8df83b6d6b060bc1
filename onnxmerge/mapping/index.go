package mapping

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

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

// indexes find tensors of a checkpoint by the signatures of their elements, in each of some types.
type indexes struct {
	checkpoint *checkpoint.Checkpoint
	limits     Limits
	dtypes     []onnx.DType
	digests    map[*checkpoint.Tensor]map[onnx.DType]*digest // of tensors that were read
	byType     map[onnx.DType]*index                         // nil until all were read
}

// index finds tensors by the signature of their elements after conversion to one type.
type index struct {
	dtype   onnx.DType
	whole   map[signature][]part
	parts   map[signature][]part // equal parts along an axis, and whole tensors
	lengths []int64              // of parts in elements, ascending
}

func newIndexes(c *checkpoint.Checkpoint, dtypes []onnx.DType, limits Limits) *indexes {
	return &indexes{checkpoint: c, limits: limits, dtypes: dtypes, digests: map[*checkpoint.Tensor]map[onnx.DType]*digest{}}
}

// digest returns what is known of a tensor in a type; nil if its elements cannot be compared.
func (x *indexes) digest(t *checkpoint.Tensor, dtype onnx.DType) (*digest, error) {
	if !isSupported(t.DType) || t.Len() == 0 {
		return nil, nil
	}
	if x.digests[t] == nil {
		found, err := digestOf(t, t.DType, t.Dims, x.dtypes)
		if err != nil {
			return nil, fmt.Errorf("checkpoint's %w", err)
		}
		x.digests[t] = found
	}
	return x.digests[t][dtype], nil
}

// of returns the index of a type. The first call reads every floating-point tensor of the checkpoint once.
func (x *indexes) of(ctx context.Context, dtype onnx.DType) (*index, error) {
	if x.byType == nil {
		if err := x.readAll(ctx); err != nil {
			return nil, err
		}
	}
	return x.byType[dtype], nil
}

func (x *indexes) readAll(ctx context.Context) error {
	found := make([]map[onnx.DType]*digest, len(x.checkpoint.Tensors))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(x.limits.Workers, 1))
	for i, t := range x.checkpoint.Tensors {
		if !isSupported(t.DType) || t.Len() == 0 || x.digests[t] != nil {
			continue
		}
		group.Go(func() (err error) {
			if err := ctx.Err(); err != nil {
				return err
			}
			if found[i], err = digestOf(t, t.DType, t.Dims, x.dtypes); err != nil {
				err = fmt.Errorf("checkpoint's %w", err)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	x.byType = map[onnx.DType]*index{}
	for _, d := range x.dtypes {
		x.byType[d] = &index{dtype: d, whole: map[signature][]part{}, parts: map[signature][]part{}}
	}
	for i, t := range x.checkpoint.Tensors {
		if found[i] != nil {
			x.digests[t] = found[i]
		}
		for dtype, d := range x.digests[t] {
			x.byType[dtype].add(t, d)
		}
	}
	for _, index := range x.byType {
		slices.Sort(index.lengths)
		index.lengths = slices.Compact(index.lengths)
	}
	return nil
}

func (x *index) add(t *checkpoint.Tensor, d *digest) {
	n := t.Len()
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
