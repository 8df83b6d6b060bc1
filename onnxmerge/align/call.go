package align

import (
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// call is an operator with its operands.
type call struct {
	*walker
	node  *onnx.Node
	in    []*value // nil if missing
	label string
}

// rule unites the axes of the operands and of the results of an operator, and returns the results.
type rule func(c *call) []*value

// rules are the known operators. An operator that is not among them freezes the axes of all its operands.
var rules = map[string]rule{}

// register adds the rule of some operators.
func register(r rule, operators ...string) {
	for _, op := range operators {
		rules[op] = r
	}
}

func (c *call) apply() []*value {
	r := rules[c.node.Op()]
	if r == nil {
		return c.opaque("which is not known here")
	}
	out := r(c)
	if len(out) > 0 && out[0] != nil && out[0].numbers == nil {
		out[0].numbers = c.numbers()
	}
	return out
}

// opaque freezes all operands; results have unknown shapes.
func (c *call) opaque(why string) []*value {
	return c.lose(c.label + ", " + why)
}

// lose is opaque with the whole reason.
func (c *call) lose(reason string) []*value {
	for _, v := range c.in {
		c.freezeAll(v, reason)
	}
	out := make([]*value, len(c.node.Outputs))
	for k := range out {
		out[k] = &value{lost: reason}
	}
	return out
}

// operand returns an operand with a known number of axes, or nil.
func (c *call) operand(i int) *value {
	if i >= len(c.in) || c.in[i] == nil || !c.in[i].ranked {
		return nil
	}
	return c.in[i]
}

// has reports whether an optional operand is there.
func (c *call) has(i int) bool { return i < len(c.in) && c.in[i] != nil }

// unranked is the result of an operator of whose operands one has no known shape.
func (c *call) unranked() []*value {
	for _, v := range c.in {
		if v != nil && !v.ranked && v.lost != "" {
			return c.lose(v.lost)
		}
	}
	return c.opaque("where an operand has an unexpected or unknown shape")
}

// fresh returns a class that nothing else depends on; frozen if reason is not "".
func (c *call) fresh(size int64, reason string) int { return c.addFrozen(size, reason) }

// position freezes an axis in which elements depend on their neighbours or on their index, and returns its counterpart
// in the result.
func (c *call) position(axis int, size int64) int {
	c.freeze(axis, positional+c.label)
	return c.addFrozen(size, positional+c.label)
}

// positional begins the reason of an axis whose order has a meaning.
const positional = "the order has a meaning for "

// of returns a result with known axes.
func of(axes ...int) *value { return &value{axes: axes, ranked: true} }

// same returns a result with the axes of a value.
func same(v *value) *value {
	return &value{axes: slices.Clone(v.axes), ranked: v.ranked}
}

// uniteWith is unite for this operator.
func (c *call) uniteWith(x, y int) { c.unite(x, y, c.label) }

// integer returns an attribute, or its default.
func (c *call) integer(name string, otherwise int64) int64 {
	if list := c.node.Ints[name]; len(list) == 1 {
		return list[0]
	}
	return otherwise
}

// axisOf returns the attribute axis, or its default, for a value of rank axes; ok is false if it is none of them.
func (c *call) axisOf(otherwise int64, rank int) (axis int, ok bool) {
	return within(c.integer("axis", otherwise), rank)
}

// within returns an axis, which may be counted from the end.
func within(axis int64, rank int) (int, bool) {
	if axis < 0 {
		axis += int64(rank)
	}
	return int(axis), axis >= 0 && axis < int64(rank)
}

// listed returns integers that an attribute or, in later operator sets, an operand has; ok is false if they are not
// known, and given if there are any.
func (c *call) listed(attribute string, operand int) (list []int64, given, ok bool) {
	if list, given = c.node.Ints[attribute]; given {
		return list, true, true
	}
	if !c.has(operand) {
		return nil, false, true
	}
	list, ok = known(c.parameter(operand))
	if !ok && len(c.in[operand].axes) == 1 && c.size(c.in[operand].axes[0]) == 0 {
		return nil, false, true
	}
	return list, true, ok
}

// known returns numbers that are all known, at least one.
func known(numbers []number) (list []int64, ok bool) {
	for _, n := range numbers {
		if !n.known {
			return nil, false
		}
		list = append(list, n.n)
	}
	return list, len(numbers) > 0
}

// sizeOf returns the size of a class as a number.
func (c *call) sizeOf(x int) number {
	if n := c.size(x); n != unknown {
		return number{known: true, n: n, class: -1}
	}
	return number{class: c.find(x)}
}

// resolve returns a number whose class has become known.
func (c *call) resolve(n number) number {
	if !n.known && n.class >= 0 {
		return c.sizeOf(n.class)
	}
	return n
}

// broadcast unites the axes of operands as ONNX broadcasts them, and returns those of the result.
func (c *call) broadcast(operands ...[]int) []int {
	rank := 0
	for _, axes := range operands {
		rank = max(rank, len(axes))
	}
	result := make([]int, rank)
	for k := range result {
		at, first := rank-1-k, -1
		for _, axes := range operands {
			i := len(axes) - 1 - k
			switch {
			case i < 0 || c.size(axes[i]) == 1:
			case first < 0:
				first = axes[i]
			default:
				c.uniteWith(first, axes[i])
			}
		}
		if first < 0 {
			first = c.fresh(1, "")
		}
		result[at] = first
	}
	return result
}
