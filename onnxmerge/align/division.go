package align

import "slices"

// divide returns two classes whose product a class is; nil if its division does not allow it.
func (c *classes) divide(x int, outer, inner int64) []int {
	x = c.find(x)
	if outer == 1 {
		return []int{c.add(1), x}
	}
	if inner == 1 {
		return []int{x, c.add(1)}
	}
	reason := c.list[x].frozen
	switch c.list[x].division {
	case whole:
		parts := []int{c.addFrozen(outer, reason), c.addFrozen(inner, reason)}
		c.list[x].division, c.list[x].parts = product, slices.Clone(parts)
		return parts
	case concatenation:
		parts := []int{c.addFrozen(outer, reason), c.addFrozen(inner, reason)}
		if !c.align(x, c.join(product, parts...), "an axis that is divided twice") {
			return nil
		}
		return parts
	}
	return c.divideProduct(c.factors(x), outer)
}

// divideProduct is divide for a product.
func (c *classes) divideProduct(factors []int, outer int64) []int {
	n := int64(1)
	for i, f := range factors {
		size := c.size(f)
		if n*size < outer {
			n *= size
			continue
		}
		if n*size == outer {
			return []int{c.join(product, factors[:i+1]...), c.join(product, factors[i+1:]...)}
		}
		if outer%n != 0 || size%(outer/n) != 0 {
			return nil
		}
		parts := c.divide(f, outer/n, size/(outer/n))
		if parts == nil {
			return nil
		}
		return []int{c.join(product, append(slices.Clone(factors[:i]), parts[0])...),
			c.join(product, append([]int{parts[1]}, factors[i+1:]...)...)}
	}
	return nil
}

// cut returns the runs of the given sizes that a class consists of; nil if its division does not allow it.
func (c *classes) cut(x int, sizes []int64) []int {
	x = c.find(x)
	switch c.list[x].division {
	case product:
		return c.cutProduct(x, sizes)
	case whole:
		var runs []int
		for _, n := range sizes {
			runs = append(runs, c.addFrozen(n, c.list[x].frozen))
		}
		if y := c.join(concatenation, runs...); len(c.parts(y, concatenation)) > 1 {
			c.list[x].division, c.list[x].parts = concatenation, c.parts(y, concatenation)
			return runs
		}
		for i, n := range sizes { // all others are empty
			if n > 0 {
				runs[i] = x
			}
		}
		return runs
	}
	return c.cutRuns(c.parts(x, concatenation), sizes)
}

// cutRuns is cut for a concatenation.
func (c *classes) cutRuns(parts []int, sizes []int64) (runs []int) {
	for _, n := range sizes {
		var run []int
		for left := n; left > 0; {
			if len(parts) == 0 {
				return nil
			}
			size := c.size(parts[0])
			if size > left {
				cut := c.cut(parts[0], []int64{left, size - left})
				if cut == nil {
					return nil
				}
				parts = slices.Concat(cut, parts[1:])
				size = left
			}
			run, parts, left = append(run, parts[0]), parts[1:], left-size
		}
		runs = append(runs, c.join(concatenation, run...))
	}
	return runs
}

// cutProduct is cut for a product: its slowest factor is cut, if the boundaries are multiples of the others.
func (c *classes) cutProduct(x int, sizes []int64) (runs []int) {
	factors := c.factors(x)
	inner := c.join(product, factors[1:]...)
	var outer []int64
	for _, n := range sizes {
		if n%c.size(inner) != 0 {
			return nil
		}
		outer = append(outer, n/c.size(inner))
	}
	cut := c.cut(factors[0], outer)
	if cut == nil {
		return nil
	}
	for _, o := range cut {
		if c.size(o) == 0 {
			runs = append(runs, o)
			continue
		}
		runs = append(runs, c.join(product, o, inner))
	}
	return runs
}
