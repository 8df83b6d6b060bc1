package onnxmerge

import (
	"fmt"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// singleNumbers has what decides whether a single number without a counterpart may have one.
type singleNumbers struct {
	inA     map[float64]bool // all of the pre-trained model
	open    []float64        // those stored beside its graph that have no counterpart
	foreign int              // how many of these the fine-tuned model has nowhere
}

// singleNumbers collects the single numbers of both models. open are the unpaired ones of the pre-trained model.
func (p *planner) singleNumbers(open []*onnx.Tensor) (s singleNumbers, err error) {
	if len(open) == 0 {
		return s, nil
	}
	if s.inA, err = allNumbers(p.pretrained); err != nil {
		return s, err
	}
	inB, err := allNumbers(p.finetuned)
	if err != nil {
		return s, err
	}
	for _, t := range open {
		v, ok, err := singleNumber(t)
		if err != nil {
			return s, err
		}
		if !ok {
			continue
		}
		s.open = append(s.open, v)
		if !inB[v] {
			s.foreign++
		}
	}
	return s, nil
}

// hasCounterpart reports whether a single number of the fine-tuned model may be the counterpart of an open one. One that
// is stored beside the graph may be if it differs from one of them. Numbers in Constant nodes are mostly part of the
// computation; one may be what an exporter computed of a learned number, such as the exponential of a temperature, if the
// pre-trained model has it nowhere, and has an open number that the fine-tuned model has nowhere.
func (s singleNumbers) hasCounterpart(t *onnx.Tensor) (bool, error) {
	v, ok, err := singleNumber(t)
	if err != nil || !ok || len(s.open) == 0 {
		return false, err
	}
	if t.Site == onnx.Constant {
		return !s.inA[v] && s.foreign > 0, nil
	}
	for _, other := range s.open {
		if other != v {
			return true, nil
		}
	}
	return false, nil
}

// allNumbers returns the values of a model's floating-point tensors of one element.
func allNumbers(m *onnx.Model) (map[float64]bool, error) {
	all := map[float64]bool{}
	for _, t := range m.Tensors {
		v, ok, err := singleNumber(t)
		if err != nil {
			return nil, err
		}
		if ok {
			all[v] = true
		}
	}
	return all, nil
}

// singleNumber returns the value of a floating-point tensor of one element; ok is false for other tensors, and for
// elements that cannot be decoded.
func singleNumber(t *onnx.Tensor) (v float64, ok bool, err error) {
	codec, known := t.DType.Codec()
	if t.Len() != 1 || !t.DType.IsFloat() || !known || codec.Bits < 8 || !t.Readable() {
		return 0, false, nil
	}
	values, err := valuesOrZeros(t, 1)
	if err != nil {
		return 0, false, fmt.Errorf("tensor %q: %w", t.ID(), err)
	}
	return values[0], true, nil
}
