package mapping

import (
	"fmt"
	"sync"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Weights returns what is to be written in place of the model's tensors, and the change of its graph where uses of one
// tensor need different elements, or a classifier has another number of classes.
func (b *Bound) Weights() ([]onnx.Replacement, onnx.Change, error) {
	var list []onnx.Replacement
	var change onnx.Change
	split := map[*onnx.Tensor]bool{}
	for _, group := range b.shared() {
		same, err := b.sharedAgree(group)
		if err != nil {
			return nil, change, err
		}
		t := group[0].Tensor
		split[t] = true
		list = append(list, b.replacement(group[0]))
		if same {
			continue
		}
		for i, e := range group[1:] {
			a, err := b.values.evaluate(e.Expression, t.DType)
			if err != nil {
				return nil, change, err
			}
			name := b.freshName(t.Name, i+2)
			change.Add.Initializer(name, t.DType, t.Dims, a.data)
			for _, u := range e.uses {
				change.Rewire = append(change.Rewire, onnx.Rewire{Node: u.node, Slot: u.slot, Name: name})
			}
		}
	}
	for _, e := range b.Mapped {
		if !split[e.Tensor] {
			list = append(list, b.replacement(e))
		}
	}
	return list, change, b.addResized(&change)
}

// freshName returns a name for a further tensor that the model does not use.
func (b *Bound) freshName(name string, i int) string {
	for {
		fresh := fmt.Sprintf("%s_unshared_%d", name, i)
		if t, n, _ := b.Model.Resolve(b.Model.Graph, fresh); t == nil && n == nil {
			return fresh
		}
		i++
	}
}

// replacement returns the payload of an entry. It is computed when the first part is asked for, and held until all
// parts were.
func (b *Bound) replacement(e *Mapped) onnx.Replacement {
	var lock sync.Mutex
	var data []byte
	var left int64
	return onnx.Replacement{Tensor: e.Tensor, Fill: func(dst []byte, off int64) error {
		lock.Lock()
		defer lock.Unlock()
		if data == nil {
			a, err := b.values.evaluate(e.Expression, e.Tensor.DType)
			if err == nil && int64(len(a.data)) != e.Tensor.SizeBytes() {
				err = fmt.Errorf("%s has the shape %v", e.Expression, a.dims)
			}
			if err != nil {
				return fmt.Errorf("tensor %q: %w", e.Tensor.ID(), err)
			}
			data, left = a.data, e.Tensor.SizeBytes()
		}
		copy(dst, data[off:])
		if left -= int64(len(dst)); left <= 0 {
			data = nil
		}
		return nil
	}}
}
