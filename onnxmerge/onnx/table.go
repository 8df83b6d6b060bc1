package onnx

import "slices"

// Table has values of tensors, as a map does. A tensor that was read with a model has its place by its index, so that
// no map is searched; those of several models may be in one table. The zero Table is empty.
type Table[V any] struct {
	rows   []row[V]
	others map[*Tensor]V // of tensors without an index, and of those whose place another model's tensor has
}

type row[V any] struct {
	tensor *Tensor
	value  V
}

// NewTable returns an empty table with room for the tensors of a model.
func NewTable[V any](m *Model) *Table[V] {
	var t Table[V]
	t.Grow(m)
	return &t
}

// Grow makes room for the tensors of a model.
func (t *Table[V]) Grow(m *Model) { t.rows = slices.Grow(t.rows, max(0, len(m.Tensors)-len(t.rows))) }

// At returns the value of a tensor; ok is false if it has none.
func (t *Table[V]) At(of *Tensor) (value V, ok bool) {
	if i := of.Index(); i >= 0 && i < len(t.rows) && t.rows[i].tensor == of {
		return t.rows[i].value, true
	}
	value, ok = t.others[of]
	return value, ok
}

// Set sets the value of a tensor.
func (t *Table[V]) Set(of *Tensor, value V) {
	i := of.Index()
	if i >= len(t.rows) {
		t.rows = slices.Grow(t.rows, i+1-len(t.rows))[:i+1]
	}
	switch {
	case i >= 0 && (t.rows[i].tensor == nil || t.rows[i].tensor == of):
		t.rows[i] = row[V]{of, value}
	case t.others == nil:
		t.others = map[*Tensor]V{of: value}
	default:
		t.others[of] = value
	}
}

// Clear removes all values.
func (t *Table[V]) Clear() {
	clear(t.rows)
	t.rows, t.others = t.rows[:0], nil
}
