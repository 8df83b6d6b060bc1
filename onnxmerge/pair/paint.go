package pair

import (
	"encoding/binary"
	"hash/fnv"
	"slices"
)

// paint gives every value and every use of a weight its colour: what leads to it, from
// the inputs or from the nearest anchors on.
func (f *form) paint() {
	for _, o := range f.ops {
		o.down = map[int]uint64{}
		o.out.up = o.colour()
		for _, u := range o.uses {
			u.colour = u.paint()
		}
		for _, u := range o.ones {
			u.colour = u.paint()
		}
	}
}

func (u *use) paint() uint64 { return hashOf("use", u.op.out.up, u.kind()) }

// kind is the colour of a use by itself: operator, operand, dtype and shape.
func (u *use) kind() uint64 { return hashOf("use in "+u.op.name, uint64(int64(u.role)), u.shapeHash()) }

// colour is the colour of what the operator computes. Operators that are seen through
// have the colour of their data.
func (o *op) colour() uint64 {
	switch {
	case o.anchor != 0:
		return o.anchor
	case o.through:
		return o.ins[0].up
	}
	ups := make([]uint64, len(o.ins))
	for i, in := range o.ins {
		ups[i] = in.up
	}
	if commutative[o.name] {
		slices.Sort(ups)
	}
	h := hashOf(o.name)
	for _, up := range ups {
		h = hashOf("operand", h, up)
	}
	var shapes []uint64
	for _, u := range o.uses {
		if !u.isBias() {
			shapes = append(shapes, hashOf("weight", uint64(int64(u.role)), u.shapeHash()))
		}
	}
	if commutative[o.name] {
		slices.Sort(shapes)
	}
	for _, s := range shapes {
		h = hashOf("operand", h, s)
	}
	return h
}

// shapeHash is the same for shapes that differ in axes of length 1 only.
func (v view) shapeHash() uint64 {
	h := hashOf(v.tensor.DType.String())
	for _, d := range v.shape {
		if d != 1 {
			h = hashOf("axis", h, uint64(d))
		}
	}
	return h
}

// hashOf makes one colour of a word and numbers. It is the same in every process.
func hashOf(what string, numbers ...uint64) uint64 {
	b := append(make([]byte, 0, 64), what...)
	for _, n := range numbers {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	h := fnv.New64a()
	_, _ = h.Write(b) // a hash never fails
	return h.Sum64()
}
