package mapping

import (
	"bytes"
	"math"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// inverse returns how one tensor of the checkpoint is read. covered and conflict are those of tensor.
func (v *inverter) inverse(t *checkpoint.Tensor) (
	read func(dst []byte, off int64) error, covered int64, conflict *sourceOf, err error,
) {
	rearranged := v.rearranged(t)
	if rearranged == nil {
		a, covered, conflict, err := v.tensor(t)
		return v.reader(t, len(a.data)), covered, conflict, err
	}
	first := func(dst []byte, from int64) error {
		return v.values.elements(dst, rearranged[0], t.Dims, t.DType, from)
	}
	for i, e := range rearranged[1:] {
		if same, err := v.values.equals(e, t.DType, first); err != nil || !same {
			return nil, 0, v.uses[t.Name][i+1], err
		}
	}
	return newPayload(v.values, rearranged[0], t.DType, t.Dims), t.Len(), nil, nil
}

// rearranged returns, for each use of a tensor, an expression over the model's tensors that gives the tensor; nil if one of them
// does not have all elements of it and no others.
func (v *inverter) rearranged(t *checkpoint.Tensor) []*Expression {
	var list []*Expression
	dims := evaluator{lookup: v.base.Lookup}
	for _, s := range v.uses[t.Name] {
		inverse := &Expression{Op: Tensor, Name: s.tensor.ID()}
		e := s.expression
		for ; e.Op == Reshape || e.Op == Transpose; e = e.Args[0] {
			if e.Op == Transpose {
				perm := make([]int, len(e.Perm))
				for i, p := range e.Perm {
					perm[p] = i
				}
				inverse = &Expression{Op: Transpose, Args: []*Expression{inverse}, Perm: perm}
				continue
			}
			inner, err := dims.dims(e.Args[0])
			if err != nil {
				return nil
			}
			inverse = &Expression{Op: Reshape, Args: []*Expression{inverse}, Dims: inner}
		}
		if e.Op != Tensor || e.Name != t.Name {
			return nil
		}
		list = append(list, inverse)
	}
	return list
}

// fromModel returns a tensor of the model by its ID.
func (v *inverter) fromModel(id string) *checkpoint.Tensor {
	t := v.model.Lookup(id)
	if t == nil {
		return nil
	}
	return checkpoint.NewTensor(id, t.DType, t.Dims, t.ReadAt)
}

// tensor makes one tensor of the checkpoint. covered counts the elements that the model gives; conflict is a source
// that gives others than one before it.
func (v *inverter) tensor(t *checkpoint.Tensor) (a array, covered int64, conflict *sourceOf, err error) {
	a, err = read(t, t.DType, t.Dims, t.DType)
	if err != nil {
		return a, 0, nil, err
	}
	item := a.itemBytes()
	set := make([]bool, t.Len())
	for _, s := range v.uses[t.Name] {
		places, err := v.places(s.expression, t.Name)
		if err != nil {
			return a, 0, nil, err
		}
		from, err := read(s.tensor, s.tensor.DType, s.tensor.Dims, t.DType)
		if err != nil {
			return a, 0, nil, err
		}
		for i, place := range places {
			if place < 0 {
				continue
			}
			at, element := int(place)*item, from.data[i*item:(i+1)*item]
			if set[int(place)] && !bytes.Equal(a.data[at:at+item], element) {
				return a, 0, s, nil
			}
			set[int(place)] = true
			copy(a.data[at:], element)
		}
	}
	for _, ok := range set {
		if ok {
			covered++
		}
	}
	return a, covered, nil, nil
}

// places returns, for each element that an expression gives, its index in the tensor of a name; -1 for an element of
// another tensor. Indices are computed as numbers that the expression moves.
func (v *inverter) places(e *Expression, name string) ([]float64, error) {
	indices := evaluator{lookup: v.base.Lookup, read: func(dst []byte, t *checkpoint.Tensor, b box, _ onnx.DType) error {
		if t.Name != name {
			mapNumbers(dst, func(int, float64) float64 { return -1 })
			return nil
		}
		at := 0
		return b.runs(t.Dims, func(from, to int64) error {
			first := at
			at += int(to - from)
			mapNumbers(dst[8*first:8*at], func(i int, _ float64) float64 { return float64(from + int64(i)) })
			return nil
		})
	}}
	dims, err := indices.dims(e)
	if err != nil {
		return nil, err
	}
	e = e.withConstants(-1)
	a := newArray(onnx.Float64, dims)
	if err := indices.fill(a.data, e, wholeBox(dims), onnx.Float64); err != nil {
		return nil, err
	}
	return a.numbers(), nil
}

// hasConstant reports whether parts of an expression are constants.
func (e *Expression) hasConstant() bool {
	return e.Op == Constant || slices.ContainsFunc(e.Args, (*Expression).hasConstant)
}

// withConstants returns an expression with another number in place of all constants.
func (e *Expression) withConstants(x float64) *Expression {
	if !e.hasConstant() {
		return e
	}
	other := *e
	if e.Op == Constant {
		other.Factor = x
	}
	other.Args = nil
	for _, arg := range e.Args {
		other.Args = append(other.Args, arg.withConstants(x))
	}
	return &other
}

// hasConstants reports whether a tensor of the model has the constants that an expression has as parts.
func (v *inverter) hasConstants(e *Expression, t *onnx.Tensor) bool {
	constants := evaluator{lookup: v.base.Lookup, read: func(dst []byte, _ *checkpoint.Tensor, _ box, _ onnx.DType) error {
		mapNumbers(dst, func(int, float64) float64 { return math.NaN() })
		return nil
	}}
	dims, err := constants.dims(e)
	if err != nil {
		return false
	}
	want := newArray(onnx.Float64, dims)
	if constants.fill(want.data, e, wholeBox(dims), onnx.Float64) != nil {
		return false
	}
	got, err := read(t, t.DType, t.Dims, onnx.Float64)
	if err != nil {
		return false
	}
	numbers := got.numbers()
	for i, x := range want.numbers() {
		if !math.IsNaN(x) && x != numbers[i] {
			return false
		}
	}
	return true
}

// reader returns a function that reads the made tensor, which is made at the first byte and held until the last.
func (v *inverter) reader(t *checkpoint.Tensor, size int) func(dst []byte, off int64) error {
	var made array
	return func(dst []byte, off int64) error {
		if made.data == nil {
			var err error
			if made, _, _, err = v.tensor(t); err != nil {
				return err
			}
		}
		copy(dst, made.data[off:])
		if off+int64(len(dst)) == int64(size) {
			made = array{}
		}
		return nil
	}
}
