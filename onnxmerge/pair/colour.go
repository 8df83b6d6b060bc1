package pair

import (
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// refine computes the colour of every value and every use. It is Weisfeiler-Leman colour refinement on a directed
// acyclic graph: a colour hashes an operator with the colours of its operands, so that one pass in topological order
// gives the stable upstream colouring. Anchors replace the computed colours.
func (f *reduced) refine() {
	for _, o := range f.ops {
		o.around = nil
		o.out.up = o.colour()
		for _, u := range o.uses {
			u.colour = u.computeColour()
		}
		for _, u := range o.ones {
			u.colour = u.computeColour()
		}
	}
}

func (u *use) computeColour() uint64 { return hashOf("use", u.op.out.up, u.localColour()) }

// localColour is the colour of a use without upstream structure: operator, operand, dtype and shape.
func (u *use) localColour() uint64 {
	h := hashOf("use in "+u.op.name, uint64(int64(u.role)), u.shapeHash())
	if u.shiftsScaled() {
		h = hashOf("behind a scale", h)
	}
	return h
}

// colour returns the colour of the operator's result. Transparent operators keep the colour of their data.
func (o *op) colour() uint64 {
	switch {
	case o.anchor != 0:
		return o.anchor
	case o.transparent:
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

// shapeHash hashes the class of the dtype and the shape without axes of length 1.
func (v *permuted) shapeHash() uint64 {
	h := hashOf(dtypeClass(v.tensor.DType))
	for _, d := range v.shape {
		if d != 1 {
			h = hashOf("axis", h, uint64(d))
		}
	}
	return h
}

// dtypeClass returns one name for the floating-point types of 16 bits and more, whose weights pair with each other:
// models are exported in half precision too. Other types pair with themselves.
func dtypeClass(t onnx.DType) string {
	if t.IsFloat() && t.Bits() >= 16 {
		return "float"
	}
	return t.String()
}

// hashOf returns the 64-bit FNV-1a hash of a word and the bytes of numbers, the lowest first, which is the same in every
// process.
func hashOf(what string, numbers ...uint64) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for i := range len(what) {
		h = (h ^ uint64(what[i])) * prime
	}
	for _, n := range numbers {
		for range 8 {
			h = (h ^ n&0xff) * prime
			n >>= 8
		}
	}
	return h
}
