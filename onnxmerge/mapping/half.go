package mapping

import (
	"context"
	"math"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Converters to float16 keep numbers from becoming zero or infinite: what is nearer to zero than a bound becomes that
// bound. The types here are float16 as two of them write it. They exist in this package alone.
const (
	halfRuntime onnx.DType = -1 - iota // onnxruntime.transformers.float16
	halfCommon                         // onnxconverter_common.float16
)

// halves are the bounds of the conversions, which are the defaults of convert_float_to_float16.
var halves = map[onnx.DType]struct{ low, high float64 }{
	halfRuntime: {5.96e-08, 65504}, halfCommon: {1e-7, 1e4},
}

// storedAs returns the type of the elements of d.
func storedAs(d onnx.DType) onnx.DType {
	if _, ok := halves[d]; ok {
		return onnx.Float16
	}
	return d
}

// bound replaces the numbers that a conversion does not round as float16 does.
func bound(values []float64, to onnx.DType) {
	b, ok := halves[to]
	if !ok {
		return
	}
	for i, v := range values {
		switch abs := math.Abs(v); {
		case abs > 0 && abs < b.low:
			values[i] = math.Copysign(b.low, v)
		case abs > b.high && !math.IsInf(v, 0):
			values[i] = math.Copysign(b.high, v)
		}
	}
}

// findHalf explains a float16 tensor by the conversions of converters.
func (f *finder) findHalf(ctx context.Context, g *target) error {
	if g.tensor.DType != onnx.Float16 || g.uniform {
		return nil
	}
	for _, as := range []onnx.DType{halfRuntime, halfCommon} {
		if err := f.findEqual(g, as); err != nil {
			return err
		}
		if len(g.candidates) == 0 && g.tensor.Len() >= minSlice {
			if err := f.findPartsAs(ctx, g, as); err != nil {
				return err
			}
		}
		found := make([]*Expression, 0, len(g.candidates))
		for _, e := range g.candidates {
			found = append(found, &Expression{Op: Half, Args: []*Expression{e}, as: as})
		}
		g.candidates = found
		if len(g.candidates) > 0 {
			return nil
		}
	}
	return nil
}
