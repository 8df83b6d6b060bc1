package mapping

import (
	"fmt"
	"math"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// normValues are the numbers of a Norm: x * scale + shift, with shift = beta - mean * scale.
type normValues struct{ mean, scale, beta []float64 }

// channels returns the number of channels of a norm, whose tensors must all have that.
func (v evaluator) channels(n *Norm) (int64, error) {
	channels := int64(-1)
	for _, name := range []string{n.Mean, n.Variance, n.Gamma, n.Beta} {
		if name == "" {
			continue
		}
		t, err := v.find(name)
		if err != nil {
			return 0, err
		}
		if channels >= 0 && t.Len() != channels {
			return 0, fmt.Errorf("tensors %q and %q have %d and %d elements", n.Mean, name, channels, t.Len())
		}
		channels = t.Len()
	}
	return channels, nil
}

func (v evaluator) norm(n *Norm) (normValues, error) {
	if _, err := v.channels(n); err != nil {
		return normValues{}, err
	}
	var lists [4][]float64
	for i, name := range []string{n.Mean, n.Variance, n.Gamma, n.Beta} {
		if name == "" {
			continue
		}
		a, err := readTensor(v.lookup(name), onnx.Float64)
		if err != nil {
			return normValues{}, err
		}
		lists[i] = a.numbers()
	}
	r := normValues{lists[0], lists[1], lists[3]}
	for i, variance := range r.scale {
		r.scale[i] = 1 / math.Sqrt(variance+n.Epsilon)
		if lists[2] != nil {
			r.scale[i] *= lists[2][i]
		}
	}
	if r.beta == nil {
		r.beta = make([]float64, len(r.mean))
	}
	return r, nil
}

// foldedDims returns the extents of a weight or bias with a norm, those of the argument being given; nil without one.
func (v evaluator) foldedDims(e *Expression, arg []int64) ([]int64, error) {
	channels, err := v.channels(e.Norm)
	switch {
	case err != nil:
		return nil, err
	case e.Op == FoldWeight && (e.Axis >= len(arg) || arg[e.Axis] != channels):
		return nil, fmt.Errorf("%s has %d channels, and a weight of shape %v along axis %d is scaled by it", e.Norm.prefix(),
			channels, arg, e.Axis)
	case e.Op == FoldWeight:
		return arg, nil
	case arg != nil && length(arg) != channels:
		return nil, fmt.Errorf("%s has %d channels, and the bias before it %d", e.Norm.prefix(), channels, length(arg))
	}
	return []int64{channels}, nil
}

// fillFoldedWeight is fill for a weight with the factors of a norm.
func (v evaluator) fillFoldedWeight(dst []byte, e *Expression, b box, dtype onnx.DType) error {
	n, err := v.norm(e.Norm)
	if err != nil {
		return err
	}
	if err := v.fill(dst, e.Args[0], b, dtype); err != nil {
		return err
	}
	factors := n.scale[b[e.Axis].start:b[e.Axis].end]
	inner := int(length(b.dims()[e.Axis+1:]))
	mapNumbers(dst, func(i int, x float64) float64 { return x * factors[i/inner%len(factors)] })
	return nil
}

// fillFoldedBias is fill for a bias behind which a norm is applied.
func (v evaluator) fillFoldedBias(dst []byte, e *Expression, b box, dtype onnx.DType) error {
	n, err := v.norm(e.Norm)
	if err != nil {
		return err
	}
	clear(dst)
	if len(e.Args) > 0 {
		dims, err := v.dims(e.Args[0])
		if err == nil {
			err = v.elements(dst, e.Args[0], dims, dtype, b[0].start)
		}
		if err != nil {
			return err
		}
	}
	first := int(b[0].start)
	mapNumbers(dst, func(i int, x float64) float64 { return (x-n.mean[first+i])*n.scale[first+i] + n.beta[first+i] })
	return nil
}
