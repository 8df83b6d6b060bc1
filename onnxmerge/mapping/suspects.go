package mapping

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// isConstant reports whether a target, which nothing decides about, is a constant: all tensors of the checkpoint that
// are equal have places of their own.
func (s *settler) isConstant(g *target) bool {
	if g.constant == nil || !s.named {
		return false
	}
	return !slices.ContainsFunc(g.candidates, func(e *Expression) bool { return e.Op != Tensor || !s.places[e.Name] })
}

// suspects are expressions of the checkpoint that equal elements of a tensor, all of one value, may be a part or a repetition of:
// these stay only if all elements of the expressions are the same in the other checkpoint.
type suspects struct {
	sources []*Expression
	value   float64
	dtype   onnx.DType // to which they are converted
}

// suspectKey is a constant: the bits of its elements in a type, and how many there are: 1, few or more.
type suspectKey struct {
	dtype onnx.DType
	first uint64
	most  int64 // the largest tensors of which it may be a slice; 0 for a single number
}

// findSuspects prepares the search for tensors of the checkpoint that have equal elements and no place of their own.
func (s *settler) findSuspects(choices map[*target][]choice) {
	s.addPlaced(choices)
	s.uniform, s.suspects = map[onnx.DType]map[uint64][]*checkpoint.Tensor{}, map[suspectKey]*suspects{}
	s.severally = map[string]bool{}
	var list *Expression
	for _, g := range s.targets {
		if g.tensor.Len() == 1 || len(g.candidates) == 0 || g.candidates[0] == list {
			continue
		}
		list = g.candidates[0]
		for _, e := range g.candidates {
			s.severally[e.Name] = true
		}
	}
}

// uniformOf returns the tensors without a place whose elements, converted to a type, all have the same bits, by these.
func (s *settler) uniformOf(dtype onnx.DType) (map[uint64][]*checkpoint.Tensor, error) {
	if found := s.uniform[dtype]; found != nil {
		return found, nil
	}
	found := map[uint64][]*checkpoint.Tensor{}
	for _, t := range s.checkpoint.Tensors {
		if !isSupported(t.DType) || t.Len() == 0 || s.places[t.Name] {
			continue
		}
		bits, err := s.sameBits(heldKey{t, dtype})
		if err != nil {
			return nil, err
		}
		if bits.uniform {
			found[bits.first] = append(found[bits.first], t)
		}
	}
	s.uniform[dtype] = found
	return found, nil
}

// suspectsOf returns the suspects of n elements of a type that all have the same bits; value is the number. Targets share them.
func (s *settler) suspectsOf(dtype onnx.DType, first uint64, value float64, n int64) (*suspects, error) {
	key := suspectKey{dtype: dtype, first: first}
	if n > 1 {
		key.most = mostSliced(n)
	}
	if found := s.suspects[key]; found != nil {
		return found, nil
	}
	found := &suspects{value: value, dtype: dtype}
	uniform, err := s.uniformOf(dtype)
	if err != nil {
		return nil, err
	}
	for _, t := range uniform[first] {
		// A single number is hardly an element of a vector that has a place, whichever that is.
		if n > 1 || t.Len() <= fewElements && !s.severally[t.Name] {
			found.sources = append(found.sources, &Expression{Op: Tensor, Name: t.Name})
		}
	}
	for _, t := range s.checkpoint.Tensors {
		if n == 1 || t.Len() > key.most || s.whole[t.Name] {
			continue
		}
		d, err := s.indexes.digest(t, dtype)
		if err != nil {
			return nil, err
		}
		if d != nil && !d.uniform {
			found.sources = append(found.sources, d.rowsOfOne(&Expression{Op: Tensor, Name: t.Name}, first, min(n, minSlice))...)
		}
	}
	s.suspects[key] = found
	return found, nil
}

// rowsOfOne returns the rows of a tensor, which x stands for, whose elements all have the same bits: those that follow each other, if
// they have at least so many elements.
func (d *digest) rowsOfOne(x *Expression, bits uint64, least int64) []*Expression {
	var found []*Expression
	for axis, rows := range d.rows {
		row := length(d.dims) / max(d.dims[axis], 1)
		want := signature(row) * mix(bits)
		start := int64(0)
		for end := int64(0); end <= int64(len(rows)); end++ {
			if end < int64(len(rows)) && rows[end] == want {
				continue
			}
			if (end-start)*row >= least && end > start {
				found = append(found, &Expression{Op: Slice, Args: []*Expression{x}, Axis: axis, Start: start, End: end})
			}
			start = end + 1
		}
	}
	return found
}

// suspectsOfTarget returns the suspects of a target of equal elements.
func (s *settler) suspectsOfTarget(g *target) ([]*suspects, error) {
	if g.constant == nil || s.guessed {
		return nil, nil
	}
	found, err := s.suspectsOf(g.tensor.DType, g.first, g.constant.Factor, g.tensor.Len())
	return []*suspects{found}, err
}

// suspectsOfRuns returns the suspects of an array that consists of rows of equal elements along an axis.
func (s *settler) suspectsOfRuns(a array) ([]*suspects, error) {
	var found []*suspects
	for axis := range a.dims {
		runs, ok := a.runs(axis)
		for _, r := range runs {
			list, err := s.suspectsOf(a.dtype, bitsAt(r.data, 0, a.itemBytes()), array{a.dtype, nil, r.data[:a.itemBytes()]}.numbers()[0], length(r.dims))
			if err != nil {
				return nil, err
			}
			if ok {
				found = append(found, list)
			}
		}
	}
	return found, nil
}

// maxRuns bounds the number of runs of an array that may be joined of them.
const maxRuns = 64

// runs returns the parts of an array along an axis in which all elements are equal, and whether it consists of such ones, of some
// elements each, and of more than one.
func (a array) runs(axis int) (list []array, ok bool) {
	extent := a.dims[axis]
	for at := int64(0); at < extent; {
		rows := a.runAt(axis, at)
		if rows == 0 || rows == extent || len(list) == maxRuns || rows*(length(a.dims)/extent) < minSlice {
			return nil, false
		}
		run, err := a.slice(axis, at, at+rows)
		if err != nil {
			return nil, false
		}
		list, at = append(list, run), at+rows
	}
	return list, true
}

// runAt returns how many rows from one on have the same number that code has at all places.
func (a array) runAt(axis int, at int64) (rows int64) {
	inner, item := length(a.dims[axis+1:]), a.itemBytes()
	outer, step := length(a.dims[:axis]), length(a.dims[axis:])
	first := a.data[int(at*inner)*item:][:item]
	if !(array{a.dtype, nil, first}).isPlain() {
		return 0
	}
	for ; at+rows < a.dims[axis]; rows++ {
		for o := range outer {
			row := a.data[int(o*step+(at+rows)*inner)*item:][:int(inner)*item]
			for element := range slices.Chunk(row, item) {
				if !bytes.Equal(element, first) {
					return rows
				}
			}
		}
	}
	return rows
}

// suspectsOfConstants returns the suspects of the constants that expressions of a target have as parts.
func (s *settler) suspectsOfConstants(g *target) ([]*suspects, error) {
	var found []*suspects
	var add func(e *Expression, dtype onnx.DType) error
	add = func(e *Expression, dtype onnx.DType) error {
		if e.Op == Half {
			dtype = e.as
		}
		if e.Op == Constant {
			bits, err := convert(fromNumbers([]float64{e.Factor}, nil).data, onnx.Float64, dtype)
			if err != nil {
				return err
			}
			list, err := s.suspectsOf(dtype, bitsAt(bits, 0, len(bits)), e.Factor, length(e.Dims))
			found = append(found, list)
			return err
		}
		for _, arg := range e.Args {
			if err := add(arg, dtype); err != nil {
				return err
			}
		}
		return nil
	}
	for _, e := range g.candidates {
		if e.Op == Tensor {
			continue // has no parts
		}
		if err := add(e, g.tensor.DType); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// suspected is the reason to refuse a constant.
func suspected(s *suspects, name string) string {
	return fmt.Sprintf("it has elements that are all %g, as those of %q, of which they may be a part or a repetition, and which the other "+
		"checkpoint has otherwise", s.value, name)
}

// suspect returns the reason to refuse a tensor: a suspect that the other checkpoint does not have, or with other elements; "" if there
// is none.
func (b *Bound) suspect(list []*suspects) (string, error) {
	for _, s := range list {
		reason, ok := b.judged[s]
		if !ok {
			name, err := b.changed(s)
			if err != nil {
				return "", err
			}
			if name != "" {
				reason = suspected(s, name)
			}
			b.judged[s] = reason
		}
		if reason != "" {
			return reason, nil
		}
	}
	return "", nil
}

// changed returns a suspect that the other checkpoint does not have, or with other elements; "" if there is none.
func (b *Bound) changed(s *suspects) (string, error) {
	want := func(dst []byte, _ int64) error { return fillConstant(dst, s.value, s.dtype) }
	for _, e := range s.sources {
		if missing(e, b.values.lookup) != "" || e.Op == Slice && otherShape(e, b.base, b.values.lookup) != "" {
			return e.String(), nil
		}
		if same, err := b.values.equals(e, s.dtype, want); err != nil || !same {
			return e.String(), err
		}
	}
	return "", nil
}
