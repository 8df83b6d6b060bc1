package pair

import (
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// movedBiases returns the pairs of a convolution's bias with a vector that the other model adds behind Transposes, as
// exporters of JAX write it: the only bias that each of two paired weights has, along the axis that has the channels there.
func (s *search) movedBiases(al *Alignment, taken *onnx.Table[bool]) []Pair {
	onlyB := make(map[*onnx.Tensor]bool, len(al.OnlyB))
	for _, t := range al.OnlyB {
		onlyB[t] = true
	}
	var list []Pair
	for _, p := range al.Pairs {
		r := s.ofB.of(p.B)
		if p.Layer == nil || len(r.candidates) != 1 || len(r.uses) != 1 {
			continue
		}
		c := r.candidates[0]
		a, b := c.a.op.anyBias(), c.b.op.anyBias()
		if a == nil || b == nil || !onlyB[b.tensor] || len(a.record.uses)+len(b.record.uses) > 2 ||
			a.tensor.Len() != b.tensor.Len() || dtypeClass(a.tensor.DType) != dtypeClass(b.tensor.DType) {
			continue
		}
		if isTaken, _ := taken.At(a.tensor); isTaken || (candidate{a: a, b: b, how: c.how}).contradicts() {
			continue
		}
		list = append(list, Pair{A: a.tensor, B: b.tensor, How: p.How, Among: 1, Weight: p.B})
	}
	return list
}

// addMovedBiases adds the moved biases to the pairs, in the order of B.
func (s *search) addMovedBiases(al *Alignment, taken *onnx.Table[bool]) {
	moved := map[*onnx.Tensor]Pair{}
	for _, p := range s.movedBiases(al, taken) {
		if isTaken, _ := taken.At(p.A); !isTaken {
			moved[p.B] = p
			taken.Set(p.A, true)
		}
	}
	if len(moved) == 0 {
		return
	}
	al.OnlyB = slices.DeleteFunc(al.OnlyB, func(t *onnx.Tensor) bool { return moved[t].B != nil })
	pairs, rest := make([]Pair, 0, len(al.Pairs)+len(moved)), al.Pairs
	for _, t := range s.b.Tensors {
		switch {
		case len(rest) > 0 && rest[0].B == t:
			pairs, rest = append(pairs, rest[0]), rest[1:]
		case moved[t].B != nil:
			pairs = append(pairs, moved[t])
		}
	}
	al.Pairs = pairs
}

// anyBias returns the bias of a convolution, which the operator takes, or which is added to its result directly or behind
// Transposes; nil if it has none, or more than one value adds to it.
func (o *op) anyBias() *use {
	weight, bias := o.weightAndBias()
	if weight == nil || bias != nil || o.name != "Conv" {
		return bias
	}
	axis, rank, v := 1, len(weight.shape), o.out
	for range maxBetween {
		if len(v.consumers) != 1 || v.isOutput {
			return nil
		}
		next := v.consumers[0].op
		switch {
		case next.name == "Transpose" && len(next.ins) == 1 && len(next.stored()) == 0:
			perm := next.node.Ints["perm"]
			if axis = slices.Index(perm, int64(axis)); axis < 0 || len(perm) != rank {
				return nil
			}
			v = next.out
		case next.name == "Add" && len(next.uses) == 1 && next.uses[0].isBias() && next.uses[0].isAlong(axis, rank):
			return next.uses[0]
		default:
			return nil
		}
	}
	return nil
}

// isAlong reports whether an operator takes a stored vector as it is, and its elements are along an axis of a value with
// the given number of axes.
func (u *use) isAlong(axis, rank int) bool {
	if !slices.Contains(u.op.node.Inputs, u.tensor.Name) {
		return false // reshaped before
	}
	long := slices.IndexFunc(u.tensor.Dims, func(d int64) bool { return d > 1 })
	return long >= 0 && len(u.tensor.Dims) <= rank && len(u.tensor.Dims)-long == rank-axis
}

// impliedShift returns the shift that the fine-tuned model adds behind a pair of scales, where the pre-trained one adds
// none; nil if there is no such one. Exporters drop a shift of zeros, as a BatchNormalization has before training.
func (s *search) impliedShift(c candidate) *use {
	if c.b.op.name != "Mul" || !IsVector(c.b.shape) || c.a.op.hasOtherBias() {
		return nil
	}
	v := c.b.op.out
	if len(v.consumers) != 1 || v.isOutput {
		return nil
	}
	next := v.consumers[0].op
	if next.name != "Add" || len(next.uses) != 1 || !next.uses[0].isBias() || next.uses[0].tensor.Len() != c.b.tensor.Len() {
		return nil
	}
	return next.uses[0]
}
