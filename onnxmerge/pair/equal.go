package pair

import "github.com/wiseft/wiseft/onnxmerge/onnx"

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
			if t.Len() > 1 && t.Len() <= maxNumbers && areEqual([]*onnx.Tensor{a.tensor, t}) {
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
