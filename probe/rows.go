package probe

import (
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/internal/fault"
)

// NoBatchAxis is the BatchAxis of an [Output] that has none: it is of the one sample of a pass.
const NoBatchAxis = -1

// BatchAxis returns the axis of a tensor that is as long as the batch, by the names of its axes: the one that the first
// axis of an input has. It is 0 without any.
func BatchAxis(axes []string, inputs []Input) int {
	for axis, name := range axes {
		isBatch := func(in Input) bool { return name != "" && in.axisName(0) == name }
		if slices.ContainsFunc(inputs, isBatch) {
			return axis
		}
	}
	return 0
}

// WithBatchAxis returns ex with another axis of its output as the batch axis.
func WithBatchAxis(ex Extractor, axis int) Extractor {
	if axis == 0 {
		return ex
	}
	return withBatchAxis{ex, axis}
}

type withBatchAxis struct {
	Extractor
	axis int
}

func (w withBatchAxis) Output() Output {
	out := w.Extractor.Output()
	out.BatchAxis = w.axis
	return out
}

// rows moves the batch axis of a pass in front of the others. x from before on are the values of the pass, which out
// describes; the returned Output describes the result. A tensor without a batch axis is taken as it is where one sample
// was passed.
func rows(x []float32, before int, batch int64, out Output) (Output, error) {
	axis := out.BatchAxis
	switch {
	case out.Shape == nil: // the engine does not state it
		return out, nil
	case axis < len(out.Shape) && out.Shape[axis] == batch:
	case batch == 1:
		out.BatchAxis, out.Shape = NoBatchAxis, slices.Insert(slices.Clone(out.Shape), 0, 1)
		if out.Declared != nil {
			out.Declared = slices.Insert(slices.Clone(out.Declared), 0, 1)
		}
		return out.consistent(), nil
	default:
		which := "first axis"
		if axis > 0 {
			which = fmt.Sprintf("axis %d", axis)
		}
		return out, fault.Inputf("tensor %q has shape %v for a batch of %d: its %s %w", out.Name, out.Shape, batch, which,
			ErrBatchAxis).WithHint("a model that takes one sample at a time runs with --batch 1")
	}
	if axis > 0 {
		moveToFront(x[before:], out.Shape, axis)
		out.Shape = frontOf(out.Shape, axis)
		out.Declared = frontOf(out.Declared, axis)
	}
	return out.consistent(), nil
}

// consistent returns out without a declared shape that has another number of axes than the one of the pass.
func (o Output) consistent() Output {
	if len(o.Declared) != len(o.Shape) {
		o.Declared = nil
	}
	return o
}

// frontOf returns a shape with an axis in front of the others.
func frontOf(shape []int64, axis int) []int64 {
	if axis >= len(shape) {
		return shape
	}
	rest := slices.Delete(slices.Clone(shape), axis, axis+1)
	return slices.Insert(rest, 0, shape[axis])
}

// moveToFront moves an axis of x in front of the others.
func moveToFront(x []float32, shape []int64, axis int) {
	outer, n, inner := 1, int(shape[axis]), 1
	for i, d := range shape {
		switch {
		case i < axis:
			outer *= int(d)
		case i > axis:
			inner *= int(d)
		}
	}
	from := slices.Clone(x)
	for i := range outer {
		for j := range n {
			copy(x[(j*outer+i)*inner:][:inner], from[(i*n+j)*inner:])
		}
	}
}
