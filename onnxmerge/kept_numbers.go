package onnxmerge

import (
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// singleNumbers has what decides whether a single number without a counterpart may have one.
type singleNumbers struct {
	inA     map[float64]bool // all of the pre-trained model
	open    []float64        // those stored beside its graph that have no counterpart
	foreign int              // how many of these the fine-tuned model has nowhere
	// same are the values of open numbers that an unpaired number of the fine-tuned model has, too: constants of the
	// computation, such as those of GELU, of which structure does not say which is which.
	same map[float64]bool
	// round is the type to which numbers are rounded before they are compared: where one model has numbers of 16 bits, the
	// other may have the same ones of 32.
	round onnx.DType
}

// singleNumbers collects the single numbers of both models. open are the unpaired ones of the pre-trained model.
func (p *planner) singleNumbers(open []*onnx.Tensor) (s singleNumbers, err error) {
	if len(open) == 0 {
		return s, nil
	}
	for _, t := range slices.Concat(p.pretrained.Tensors, p.finetuned.Tensors) {
		if t.Len() == 1 && t.DType.IsFloat() && t.DType.Bits() == 16 {
			s.round = t.DType
		}
	}
	if s.inA, err = s.all(p.pretrained); err != nil {
		return s, err
	}
	inB, err := s.all(p.finetuned)
	if err != nil {
		return s, err
	}
	for _, t := range open {
		v, ok, err := s.value(t)
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
	return s, s.findSame(p.decisions)
}

// findSame moves the values that unpaired numbers of both models have from open to same.
func (s *singleNumbers) findSame(decisions []decision) error {
	s.same = map[float64]bool{}
	for i := range decisions {
		d := &decisions[i]
		if d.Action != Copy || d.kind != unpaired || d.b.Site == onnx.Constant {
			continue
		}
		v, ok, err := s.value(d.b)
		if err != nil {
			return err
		}
		if at := slices.Index(s.open, v); ok && at >= 0 {
			s.open, s.same[v] = slices.Delete(s.open, at, at+1), true
		}
	}
	return nil
}

// isConstant reports whether a single number is one of the computation: NaN, an infinity, or one that the pre-trained model
// has without a counterpart, too.
func (s singleNumbers) isConstant(t *onnx.Tensor) (bool, error) {
	v, ok, err := s.value(t)
	return err == nil && (!isFinite(v) || ok && s.same[v]), err
}

// hasCounterpart reports whether a single number of the fine-tuned model may be the counterpart of an open one. One that
// is stored beside the graph may be if it differs from one of them. Numbers in Constant nodes are mostly part of the
// computation; one may be what an exporter computed of a learned number, such as the exponential of a temperature, if the
// pre-trained model has it nowhere, and has an open number that the fine-tuned model has nowhere.
func (s singleNumbers) hasCounterpart(t *onnx.Tensor) (bool, error) {
	v, ok, err := s.value(t)
	if err != nil || !ok {
		return false, err
	}
	if t.Site == onnx.Constant {
		return !s.inA[v] && s.foreign > 0, nil
	}
	return slices.ContainsFunc(s.open, func(other float64) bool { return other != v }), nil
}

// all returns the values of a model's floating-point tensors of one element.
func (s singleNumbers) all(m *onnx.Model) (map[float64]bool, error) {
	all := map[float64]bool{}
	for _, t := range m.Tensors {
		v, ok, err := s.value(t)
		if err != nil {
			return nil, err
		}
		if ok {
			all[v] = true
		}
	}
	return all, nil
}

// value returns the rounded value of a floating-point tensor of one element; ok is false for other tensors, for elements
// that cannot be decoded, and for NaN and infinities, which no training gives.
func (s singleNumbers) value(t *onnx.Tensor) (v float64, ok bool, err error) {
	codec, known := t.DType.Codec()
	if t.Len() != 1 || !t.DType.IsFloat() || !known || codec.Bits < 8 || !t.Readable() {
		return 0, false, nil
	}
	values, err := valuesOrZeros(t, 1)
	if err != nil {
		return 0, false, fmt.Errorf("tensor %q: %w", t.ID(), err)
	}
	if coarse, known := s.round.Codec(); known && t.DType != s.round {
		raw := make([]byte, coarse.SizeBytes(1))
		coarse.Encode(raw, values)
		coarse.Decode(values, raw)
	}
	return values[0], isFinite(values[0]), nil
}
