package onnxmerge

import (
	"context"
	"fmt"
	"math"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
)

// Layer is a floating-point tensor of the fine-tuned model, where it is, and how far fine-tuning moved it.
type Layer struct {
	Tensor   string
	Action   Action
	Reason   string  // of the action
	Depth    float64 // see [flow.Place]: 0 is the first layer, 1 the last of the whole model
	Elements int64
	Cosine   *float64 // with its counterpart; nil where it is not defined, and unless Action is Merge
	RelL2    *float64 // |fine-tuned - pre-trained| / |pre-trained|, as Cosine
	// Moved is |merged - fine-tuned| / |pre-trained|: what the method changed. It is nil where it is not defined, unless Action
	// is Merge, and if the plan has refusals.
	Moved *float64
	Alpha *float64 // the parameter alpha of the tensor, if the method has it; nil unless Action is Merge
}

// ChangeBins are the bins of [Changes]: two for each power of ten, from 1e-6 to 10.
const ChangeBins = 14

// Changes counts the elements of merged tensors by how far fine-tuning moved them, in root mean squares of the
// pre-trained tensor.
type Changes struct {
	Equal int64             // did not move
	Bins  [ChangeBins]int64 // bin i has changes from 10^(i/2 - 6) on; the first also smaller ones, the last also larger ones
	Other int64             // a change that is no number, or of a tensor of zeros
}

// Layers measures all floating-point tensors of a plan with more than one element, in the order of the file. It reads both
// models two to three times. The plan may have refusals. progress counts bytes.
func Layers(ctx context.Context, plan *Plan, progress Progress) ([]Layer, *Changes, error) {
	p := plan.planner
	places := flow.Places(p.finetuned)
	mixers, err := p.mixersByTensor(ctx)
	if err != nil {
		return nil, nil, err
	}
	var layers []Layer
	changes := &Changes{}
	total, done := p.mergedBytes(), int64(0)
	buf := newScratch(2)
	for i, x := range p.decisions {
		if !isWeight(x.b) {
			continue
		}
		l := Layer{Tensor: x.Tensor, Action: x.Action, Reason: x.Reason, Depth: places[x.b].Depth, Elements: x.b.Len()}
		if x.Action == Merge {
			if err := l.measure(ctx, x, mixers, changes, buf); err != nil {
				return nil, nil, fmt.Errorf("tensor %q: %w", x.Tensor, err)
			}
			if alpha, ok := plan.Decisions[i].Params["alpha"].(float64); ok {
				l.Alpha = &alpha
			}
			if done += x.b.SizeBytes(); progress != nil {
				progress(done, total)
			}
		}
		layers = append(layers, l)
	}
	return layers, changes, nil
}

// mixersByTensor returns what computes the merged tensors; nil if the plan has refusals. Tensors whose bytes are copied have
// none.
func (p *planner) mixersByTensor(ctx context.Context) (map[*onnx.Tensor]*mixer, error) {
	if p.mismatch() != nil {
		return nil, nil
	}
	e := executor{p}
	list, _, err := e.mixers(ctx)
	if err != nil {
		return nil, err
	}
	by := map[*onnx.Tensor]*mixer{}
	for _, m := range list {
		by[m.dst] = m
	}
	return by, nil
}

// measure sets the figures of a merged tensor, and counts the changes of its elements.
func (l *Layer) measure(
	ctx context.Context, x decision, mixers map[*onnx.Tensor]*mixer, changes *Changes, buf *scratch,
) error {
	by, err := measure(ctx, &x, buf)
	if err != nil {
		return err
	}
	l.Cosine, l.RelL2 = finite(by.cosine()), finite(by.relL2())
	if err := changes.add(ctx, x, math.Sqrt(by.aa/float64(x.b.Len())), buf); err != nil || mixers == nil {
		return err
	}
	moved := 0.0 // the bytes of the fine-tuned model
	if m := mixers[x.b]; m != nil {
		var d distance
		if err := eachBlock(ctx, &x, newInput(m.fill, m.dst.DType), buf, d.addElements); err != nil {
			return err
		}
		moved = math.Sqrt(d.dd / by.aa)
	}
	l.Moved = finite(moved)
	return nil
}

// add counts the elements of a pair. unit is the root mean square of the pre-trained tensor.
func (c *Changes) add(ctx context.Context, x decision, unit float64, buf *scratch) error {
	return eachBlock(ctx, &x, x.counterpart(), buf, func(a, b []float64) {
		for i := range a {
			c.count(math.Abs(b[i]-a[i]), unit)
		}
	})
}

func (c *Changes) count(change, unit float64) {
	relative := change / unit
	switch {
	case change == 0:
		c.Equal++
	case !isFinite(relative):
		c.Other++
	default:
		bin := math.Floor(2 * (math.Log10(relative) + 6))
		c.Bins[int(min(max(bin, 0), ChangeBins-1))]++
	}
}
