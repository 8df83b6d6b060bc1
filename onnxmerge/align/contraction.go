package align

import (
	"slices"
	"strings"
)

func init() {
	register(matMul, "MatMul")
	register(gemm, "Gemm")
	register(einsum, "Einsum")
}

// matMul contracts the last axis of the first operand with the last but one of the second; the axes before broadcast.
func matMul(c *call) []*value {
	a, b := c.operand(0), c.operand(1)
	if a == nil || b == nil || len(a.axes) == 0 || len(b.axes) == 0 {
		return c.unranked()
	}
	rows, columns := slices.Clone(a.axes), slices.Clone(b.axes)
	inner := rows[len(rows)-1]
	rows = rows[:len(rows)-1]
	var last []int
	if len(columns) == 1 {
		c.uniteWith(inner, columns[0])
		columns = nil
	} else {
		k := len(columns) - 2
		c.uniteWith(inner, columns[k])
		columns, last = columns[:k], columns[k+1:]
	}
	if len(rows) > 0 { // the row axis of the first operand is not broadcast
		last = append([]int{rows[len(rows)-1]}, last...)
		rows = rows[:len(rows)-1]
	}
	return []*value{of(append(c.broadcast(rows, columns), last...)...)}
}

// gemm is MatMul of two matrices, each of which may be transposed, and a third operand that broadcasts to the result.
func gemm(c *call) []*value {
	a, b := c.operand(0), c.operand(1)
	if a == nil || b == nil || len(a.axes) != 2 || len(b.axes) != 2 {
		return c.unranked()
	}
	row, inner, inner2, column := a.axes[0], a.axes[1], b.axes[0], b.axes[1]
	if c.integer("transA", 0) != 0 {
		row, inner = inner, row
	}
	if c.integer("transB", 0) != 0 {
		inner2, column = column, inner2
	}
	c.uniteWith(inner, inner2)
	if c.has(2) {
		bias := c.operand(2)
		if bias == nil {
			return c.unranked()
		}
		c.broadcast([]int{row, column}, bias.axes)
	}
	return []*value{of(row, column)}
}

// einsum unites axes of one letter.
func einsum(c *call) []*value {
	equation := strings.ReplaceAll(c.node.Strings["equation"], " ", "")
	left, right, explicit := strings.Cut(equation, "->")
	terms := strings.Split(left, ",")
	if !explicit || strings.Contains(equation, ".") || len(terms) != len(c.in) {
		return c.opaque("whose equation is not followed")
	}
	letters := map[rune]int{}
	for i, term := range terms {
		x := c.operand(i)
		if x == nil || len(x.axes) != len(term) {
			return c.unranked()
		}
		for k, letter := range term {
			y, ok := letters[letter]
			switch {
			case !ok || c.size(y) == 1:
				letters[letter] = x.axes[k]
			case c.size(x.axes[k]) != 1:
				c.uniteWith(y, x.axes[k])
			}
		}
	}
	var axes []int
	for _, letter := range right {
		x, ok := letters[letter]
		if !ok {
			return c.opaque("whose equation is not followed")
		}
		axes = append(axes, x)
	}
	return []*value{of(axes...)}
}
