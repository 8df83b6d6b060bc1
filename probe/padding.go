package probe

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/typed"
	"github.com/wiseft/wiseft/internal/fault"
)

// free reports whether the model declares no length for an axis of an input, counted from the batch axis.
func (s *source) free(axis int) bool { return len(s.in.Shape) == 0 || s.in.Shape[axis] < 0 }

// shapeOf returns the shape of a sample's values for an input that is not constant.
func (f *feed) shapeOf(in *source, s *datasets.Sample) []int64 {
	if in.array < 0 {
		return sampleShape(f.layout, s)
	}
	return s.Arrays[in.array].Shape
}

// lengthen makes a batch that is padded as long as a sample that was added to it.
func (f *feed) lengthen(g *group, s *datasets.Sample) {
	for k := range f.inputs {
		in := &f.inputs[k]
		if in.constant != nil {
			g.shapes = append(g.shapes, nil)
			continue
		}
		shape := slices.Clone(f.shapeOf(in, s))
		g.shapes = append(g.shapes, shape)
		for i, n := range shape {
			g.Arrays[k].Shape[i+1] = max(g.Arrays[k].Shape[i+1], n)
		}
		if in.array < 0 {
			copy(g.Shape[1:], g.Arrays[k].Shape[1:])
		}
	}
}

// fillUp brings the values of all samples of a batch to its lengths.
func (f *feed) fillUp(g *group) error {
	for k := range f.inputs {
		in, to := &f.inputs[k], g.Arrays[k].Shape
		if in.constant != nil || f.sameLengths(g, k) {
			continue
		}
		element, err := f.filling(in)
		if err != nil {
			return err
		}
		from, filled := g.columns[k].data, make([]byte, 0, len(g.samples)*int(count(to[1:]))*len(element))
		for row := range g.samples {
			shape := g.shapes[row*len(f.inputs)+k]
			filled = appendFilled(filled, from, shape, to[1:], element)
			from = from[int(count(shape))*len(element):]
		}
		g.columns[k].data = filled
	}
	return nil
}

// sameLengths reports whether all samples of a batch have its lengths at an input.
func (f *feed) sameLengths(g *group, k int) bool {
	for row := range g.samples {
		if !slices.Equal(g.shapes[row*len(f.inputs)+k], g.Arrays[k].Shape[1:]) {
			return false
		}
	}
	return true
}

// filling returns the bytes of the element that fills up the values of an input.
func (f *feed) filling(in *source) ([]byte, error) {
	value := f.padded.Value
	if mask, inverted := f.padded.MaskInput(); mask == in.in.Name {
		if value = 0; inverted {
			value = 1
		}
	}
	a := typed.Array{Type: typed.Float64, Shape: []int64{1}, Data: binary.LittleEndian.AppendUint64(nil, math.Float64bits(value))}
	element, err := a.AppendData(nil, in.in.dtype())
	if err != nil {
		return nil, fault.Usagef("the input %q cannot be filled up with %v: it takes %s", in.in.Name, value, in.in.dtype())
	}
	return element, nil
}

// appendFilled appends an array of the shape from, which begins src, as one of the shape to, with element where it has no
// values.
func appendFilled(dst, src []byte, from, to []int64, element []byte) []byte {
	if len(from) == 0 {
		return append(dst, src[:len(element)]...)
	}
	stride := int(count(from[1:])) * len(element)
	for i := range from[0] {
		dst = appendFilled(dst, src[int(i)*stride:], from[1:], to[1:], element)
	}
	return append(dst, bytes.Repeat(element, int((to[0]-from[0])*count(to[1:])))...)
}
