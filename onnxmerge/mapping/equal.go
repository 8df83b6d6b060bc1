package mapping

import (
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// lengthKey is a number of elements in a type.
type lengthKey struct {
	length int64
	dtype  onnx.DType
}

// bucket has the tensors of the checkpoint that have one length and, in one of their orders, one fingerprint.
type bucket struct {
	tensors []*checkpoint.Tensor
	groups  []equalGroup // nil until the bucket is used
	// found are the candidates that targets of one shape, which equal the groups in some orders, have: targets share the slice.
	found map[string][]*Expression
}

// equalGroup is tensors of one shape whose elements are equal: a target is compared with the first of them alone, so that many
// tensors of zeros are not compared with each other.
type equalGroup []*checkpoint.Tensor

// bucketOf returns the tensors of the checkpoint that may have the elements of a target, by its fingerprint; nil without any.
func (f *finder) bucketOf(key lengthKey, print fingerprint) (*bucket, error) {
	buckets, ok := f.buckets[key]
	if !ok {
		buckets = map[fingerprint]*bucket{}
		for _, t := range f.byLength[key.length] {
			list, err := f.fingerprints(heldKey{t, key.dtype})
			if err != nil {
				return nil, err
			}
			for _, p := range list {
				b := buckets[p]
				if b == nil {
					b = &bucket{}
					buckets[p] = b
				}
				if n := len(b.tensors); n == 0 || b.tensors[n-1] != t { // orders of a tensor of equal elements have one fingerprint
					b.tensors = append(b.tensors, t)
				}
			}
		}
		f.buckets[key] = buckets
	}
	b := buckets[print]
	if b == nil || b.groups != nil {
		return b, nil
	}
	return b, f.group(b, key.dtype)
}

// group compares the tensors of a bucket, each with the first of those that it may equal.
func (f *finder) group(b *bucket, as onnx.DType) error {
	b.found = map[string][]*Expression{}
next:
	for _, t := range b.tensors {
		for i, g := range b.groups {
			same, err := f.haveEqualElements(g[0], t, as)
			if err != nil {
				return err
			}
			if same {
				b.groups[i] = append(g, t)
				continue next
			}
		}
		b.groups = append(b.groups, equalGroup{t})
	}
	return nil
}

// haveEqualElements reports whether two tensors of the checkpoint have one shape and the same elements.
func (f *finder) haveEqualElements(a, b *checkpoint.Tensor, as onnx.DType) (bool, error) {
	if !slices.Equal(a.Dims, b.Dims) || f.printed[heldKey{a, as}][0] != f.printed[heldKey{b, as}][0] {
		return false, nil
	}
	item := int64(a.DType.Bits() / 8)
	return f.values.equals(&Expression{Op: Tensor, Name: b.Name}, as, func(dst []byte, from int64) error {
		return readRange(dst, a, a.DType, as, from, item)
	})
}

// findEqual finds tensors of the checkpoint with the target's elements after conversion to a type.
func (f *finder) findEqual(g *target, as onnx.DType) error {
	t := g.tensor
	if len(f.byLength[t.Len()]) == 0 {
		return nil
	}
	prints, err := fingerprintsOf(t, t.DType, as, inOrder)
	if err != nil {
		return err
	}
	b, err := f.bucketOf(lengthKey{t.Len(), as}, prints[0])
	if err != nil || b == nil {
		return err
	}
	key := fmt.Sprint(t.Dims)
	var orders [][]bool // of the groups, in which of their orders they have the target's elements
	for _, group := range b.groups {
		same, err := f.ordersEqual(t, group[0], as, prints[0])
		if err != nil {
			return err
		}
		orders, key = append(orders, same), fmt.Sprint(key, same)
	}
	found, ok := b.found[key]
	if !ok {
		for i, group := range b.groups {
			for _, source := range group {
				at := 0
				found = append(found, layoutsBy(&Expression{Op: Tensor, Name: source.Name}, source.Dims, t.Dims, func(layout) bool {
					at++
					return orders[i][at-1]
				})...)
			}
		}
		found = slices.Clip(found)
		b.found[key] = found
	}
	g.candidates, g.proof = found, "equal elements"
	return nil
}

// ordersEqual says in which of the orders of layoutsOf a tensor of the checkpoint has the elements of one of the model.
func (f *finder) ordersEqual(t *onnx.Tensor, source *checkpoint.Tensor, as onnx.DType, print fingerprint) ([]bool, error) {
	from, err := f.fingerprints(heldKey{source, as})
	if err != nil {
		return nil, err
	}
	item := int64(t.DType.Bits() / 8)
	want := func(dst []byte, from int64) error { return readRange(dst, t, t.DType, as, from, item) }
	x := &Expression{Op: Tensor, Name: source.Name}
	var orders []bool
	for l := range layoutsOf(source.Dims) {
		same := from[len(orders)] == print
		if same {
			e, _ := l.of(x, source.Dims)
			if same, err = f.values.equals(e, as, want); err != nil {
				return nil, err
			}
		}
		orders = append(orders, same)
	}
	return orders, nil
}
