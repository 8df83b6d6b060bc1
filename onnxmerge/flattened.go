package onnxmerge

import (
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/pair"
)

// A dense layer behind Flatten has its rows in the order of the flattened axes: channels first (C, H, W) in one
// framework, channels last (H, W, C) in another. Two such weights have one shape and one place, and a cosine near 0.
// They are recognised by the factor of the rows, C, with which they become similar.

// maxFlattened is the largest weight, in elements, whose rows are compared in other orders.
const maxFlattened = 4 << 20

// flattening is an order of the rows of the pre-trained weight: they are read as outer x inner, and the fine-tuned
// weight has them as inner x outer.
type flattening struct {
	axis         int
	outer, inner int64
}

// findFlattening returns the order in which a dissimilar pair is similar; ok is false if there is none.
func (s *sampler) findFlattening(d decision) (f flattening, ok bool, err error) {
	dims := d.a.Dims
	if len(dims) != 2 || !slices.Equal(dims, d.Dims) || d.perm != nil || d.b.Len() > maxFlattened {
		return f, false, nil
	}
	x, y, err := s.both(d.a, d.b, nil, maxFlattened)
	if err != nil || x == nil {
		return f, false, err
	}
	for axis := range 2 {
		for outer := int64(2); outer <= dims[axis]/2; outer++ {
			if dims[axis]%outer != 0 {
				continue
			}
			f = flattening{axis, outer, dims[axis] / outer}
			cosine, known := pair.Cosine(f.sample(x, dims), f.identity().sample(y, dims), false)
			if known && cosine >= pair.Related {
				return f, true, nil
			}
		}
	}
	return f, false, nil
}

// identity is the order that changes nothing.
func (f flattening) identity() flattening { return flattening{f.axis, 1, f.outer * f.inner} }

// maxLines bounds the rows or columns across the reordered axis that are compared.
const maxLines = 16

// sample returns elements of the reordered weight: up to 16 whole lines along the axis.
func (f flattening) sample(x []float64, dims []int64) []float64 {
	step, lines, next := int64(1), dims[0], dims[1] // along axis 1
	if f.axis == 0 {
		step, lines, next = dims[1], dims[1], 1
	}
	var out []float64
	for line := range min(lines, maxLines) {
		for i := range f.inner {
			for o := range f.outer {
				out = append(out, x[line*next+(o*f.inner+i)*step])
			}
		}
	}
	return out
}

// reader reads a weight in this order.
func (f flattening) reader(t *onnx.Tensor) reader {
	step := int64(1)
	if f.axis == 0 {
		step = t.Dims[1]
	}
	r := newTransposed(t, []int{0, 1}, t.DType.Bits()/8)
	reordered := []int64{f.inner, f.outer}
	strides := []int64{step, f.inner * step}
	if f.axis == 0 {
		r.dims, r.strides = append(reordered, t.Dims[1]), append(strides, 1)
	} else {
		r.dims, r.strides = append([]int64{t.Dims[0]}, reordered...), append([]int64{t.Dims[1]}, strides...)
	}
	return r.readAt
}

// decideFlattened refuses a pair whose rows are in another order, or reads the pre-trained ones in the fine-tuned order
// if folding is allowed. It reports whether the pair is one.
func (p *planner) decideFlattened(d *decision, s *sampler) (bool, error) {
	f, ok, err := s.findFlattening(*d)
	if err != nil || !ok {
		return false, err
	}
	order := fmt.Sprintf("its %d lines along axis %d are those of %q as %d x %d in the other order, as behind Flatten of "+
		"channels first and channels last", f.outer*f.inner, f.axis, d.a.ID(), f.outer, f.inner)
	if p.opt.FoldNorms && d.a.DType == d.b.DType && p.judge().cannotTranspose(d.a) == "" {
		d.Reason, d.fold = fmt.Sprintf("%s; %s", d.Reason, order), f.reader(d.a)
		return true, nil
	}
	d.Action, d.Reason, d.advice = Refuse, order, "reorder them in memory with --fold"
	return true, nil
}
