package align

import (
	"encoding/binary"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// integer returns element i of a payload of integers.
func integer(d onnx.DType, raw []byte, i int) (int64, bool) {
	switch d {
	case onnx.Int64:
		return int64(binary.LittleEndian.Uint64(raw[8*i:])), true
	case onnx.Int32:
		return int64(int32(binary.LittleEndian.Uint32(raw[4*i:]))), true
	case onnx.Bool:
		return int64(raw[i]), true
	}
	return 0, false
}

// numbers computes the first result of an operator on small integers; nil if it is not known. Shapes are computed in
// this way by exporters that keep the batch open.
func (c *call) numbers() []number {
	switch c.node.Op() {
	case "Shape":
		return c.shapeNumbers()
	case "Size":
		return c.sizeNumber()
	case "Identity", "Unsqueeze", "Squeeze", "Reshape":
		return c.numbersOf(0)
	case "Cast": // to a floating-point type, numbers would be divided with a remainder
		if to := onnx.DType(c.integer("to", 0)); to == onnx.Int64 || to == onnx.Int32 || to == onnx.Bool {
			return c.numbersOf(0)
		}
		return nil
	case "Concat":
		return c.concatNumbers()
	case "Gather":
		return c.gatherNumbers()
	case "Slice":
		return c.sliceNumbers()
	case "ConstantOfShape": // the constant is an attribute that is not read
		if n, ok := known(c.numbersOf(0)); ok && len(n) == 1 && n[0] >= 0 && n[0] <= maxNumbers {
			return slices.Repeat([]number{{class: -1}}, int(n[0]))
		}
		return nil
	case "Where":
		return c.whereNumbers()
	case "Range":
		return c.rangeNumbers()
	case "Not":
		return c.notNumbers()
	}
	if f := arithmetic[c.node.Op()]; f != nil {
		return c.pairwise(f)
	}
	return nil
}

// arithmetic are operators on two integers.
var arithmetic = map[string]func(a, b int64) (int64, bool){
	"Add":   func(a, b int64) (int64, bool) { return a + b, true },
	"Sub":   func(a, b int64) (int64, bool) { return a - b, true },
	"Mul":   func(a, b int64) (int64, bool) { return a * b, true },
	"Max":   func(a, b int64) (int64, bool) { return max(a, b), true },
	"Min":   func(a, b int64) (int64, bool) { return min(a, b), true },
	"Div":   func(a, b int64) (int64, bool) { return quotient(a, b), b != 0 },
	"Mod":   func(a, b int64) (int64, bool) { return a - quotient(a, b)*b, b > 0 && a >= 0 },
	"Equal": func(a, b int64) (int64, bool) { return truth(a == b), true },
}

func quotient(a, b int64) int64 {
	if b == 0 {
		return 0
	}
	return a / b
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// numbersOf returns the numbers of an operand, or nil.
func (c *call) numbersOf(i int) []number {
	if !c.has(i) {
		return nil
	}
	return c.in[i].numbers
}

// parameter returns the numbers of an operand that sets what the operator does, such as a shape: its order has a
// meaning.
func (c *call) parameter(i int) []number {
	if c.has(i) {
		c.freezeAll(c.in[i], positional+c.label)
	}
	return c.numbersOf(i)
}

func (c *call) shapeNumbers() (list []number) {
	x := c.operand(0)
	if x == nil {
		return nil
	}
	rank := int64(len(x.axes))
	from, to := bound(c.integer("start", 0), rank), bound(c.integer("end", rank), rank)
	for i := from; i < to; i++ {
		list = append(list, c.sizeOf(x.axes[i]))
	}
	return list
}

// bound returns an index that may count from the end, limited to a length.
func bound(i, n int64) int64 {
	if i < 0 {
		i += n
	}
	return min(max(i, 0), n)
}

func (c *call) sizeNumber() []number {
	x := c.operand(0)
	if x == nil {
		return nil
	}
	n := c.size(c.join(product, x.axes...))
	return []number{{known: n != unknown, n: n, class: -1}}
}

func (c *call) concatNumbers() (list []number) {
	for i := range c.in {
		part := c.numbersOf(i)
		if part == nil {
			return nil
		}
		list = append(list, part...)
	}
	return list
}

func (c *call) gatherNumbers() (list []number) {
	from := c.numbersOf(0)
	at, ok := known(c.numbersOf(1))
	if from == nil || !ok {
		return nil
	}
	for _, i := range at {
		k, ok := within(i, len(from))
		if !ok {
			return nil
		}
		list = append(list, from[k])
	}
	return list
}

func (c *call) sliceNumbers() (list []number) {
	from := c.numbersOf(0)
	s, ok := c.slices(1)
	if from == nil || !ok || len(s) != 1 {
		return nil
	}
	start, end, ok := s[0].in(int64(len(from)))
	if !ok {
		return nil
	}
	return from[start:end]
}

func (c *call) whereNumbers() (list []number) {
	condition, yes, no := c.numbersOf(0), c.numbersOf(1), c.numbersOf(2)
	if len(condition) == 0 || len(yes) == 0 || len(no) == 0 {
		return nil
	}
	n := max(len(condition), len(yes), len(no))
	for i := range n {
		b, y, x := condition[i%len(condition)], yes[i%len(yes)], no[i%len(no)]
		switch {
		case y == x, b.known && b.n == 0:
			list = append(list, x)
		case b.known:
			list = append(list, y)
		default:
			list = append(list, number{class: -1})
		}
	}
	return list
}

// rangeNumbers counts from the first operand up to the second, by steps of the third.
func (c *call) rangeNumbers() (list []number) {
	bounds, ok := known(slices.Concat(c.numbersOf(0), c.numbersOf(1), c.numbersOf(2)))
	if !ok || len(bounds) != 3 || bounds[2] < 1 || bounds[1]-bounds[0] > maxNumbers*bounds[2] {
		return nil
	}
	for i := bounds[0]; i < bounds[1]; i += bounds[2] {
		list = append(list, number{known: true, n: i, class: -1})
	}
	return list
}

func (c *call) notNumbers() (list []number) {
	for _, n := range c.numbersOf(0) {
		list = append(list, number{known: n.known, n: truth(n.n == 0), class: -1})
	}
	return list
}

// pairwise applies f to the numbers of two operands, of which one may be single.
func (c *call) pairwise(f func(a, b int64) (int64, bool)) (list []number) {
	a, b := c.numbersOf(0), c.numbersOf(1)
	if len(c.in) != 2 || len(a) == 0 || len(b) == 0 || len(a) != len(b) && len(a) != 1 && len(b) != 1 {
		return nil
	}
	for i := range max(len(a), len(b)) {
		x, y := c.resolve(a[i%len(a)]), c.resolve(b[i%len(b)])
		n := number{class: -1}
		if x.known && y.known {
			n.n, n.known = f(x.n, y.n)
		}
		if c.node.Op() == "Mul" && y.known && y.n == 1 || c.node.Op() == "Div" && y.known && y.n == 1 {
			n = x
		}
		if c.node.Op() == "Equal" && (!x.known && y.known && y.n < 0 || !y.known && x.known && x.n < 0) {
			n = number{known: true, class: -1} // a size is never -1
		}
		list = append(list, n)
	}
	return list
}
