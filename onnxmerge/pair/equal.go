package pair

import (
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// maxEqual bounds the tensors of one colour that are compared with each other.
const maxEqual = 8

// byEquality pairs the uses of one colour whose tensors are equal to one of the pre-trained model: tables that an
// exporter computes, such as the sines of positions. It reports whether each has an equal one. Values are not compared
// if there is no similarity function.
func (s *search) byEquality(as, bs []*use) bool {
	ta, tb := tensorsOf(as), tensorsOf(bs)
	if !s.hasValues || max(len(ta), len(tb)) > maxEqual {
		return false
	}
	counterpart := map[*onnx.Tensor]*use{}
	for _, t := range tb {
		for _, a := range as {
			if t.Len() > 1 && t.Len() <= maxNumbers && areEqual([]*onnx.Tensor{a.tensor, t}, longAxes) {
				counterpart[t] = a
				break
			}
		}
		if counterpart[t] == nil {
			return false
		}
	}
	for _, u := range bs {
		s.add(counterpart[u.tensor], u, ByWeights)
	}
	return true
}

// areEqual reports whether tensors have one dtype, equal elements, and the same axes of those that axes returns.
func areEqual(tensors []*onnx.Tensor, axes func(dims []int64) []int64) bool {
	first := tensors[0]
	for _, t := range tensors[1:] {
		if t.DType != first.DType || !slices.Equal(axes(t.Dims), axes(first.Dims)) || !t.Readable() || !first.Readable() {
			return false
		}
		if same, err := t.Equal(first); err != nil || !same {
			return false
		}
	}
	return true
}

// allAxes returns all axes of a shape.
func allAxes(dims []int64) []int64 { return dims }

// longAxes returns the axes of a shape that have more than one element: an exporter may write [4, 1, 12] for [4, 12].
func longAxes(dims []int64) []int64 {
	return slices.DeleteFunc(slices.Clone(dims), func(d int64) bool { return d == 1 })
}
