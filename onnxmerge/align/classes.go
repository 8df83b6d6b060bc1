package align

import "slices"

// classes are the axes of all values and tensors of a model, by union-find: axes of one class are permuted alike. An
// index into it stands for a class.
//
// A class may be divided: it is the product of parts, the first varying slowest, as Reshape makes it, or their
// concatenation. Then its permutations are those of its parts. Axes that are permuted alike but divided differently get
// the common division; if there is none they are frozen.
type classes struct{ list []class }

type class struct {
	parent   int // itself, unless it was united with another class
	size     int64
	frozen   string // why it is not permuted, with all its parts; "" if it is
	division division
	parts    []int
}

type division int

const (
	whole division = iota
	product
	concatenation
)

// unknown is the size of an axis whose length no file says.
const unknown = -1

// add returns a new class.
func (c *classes) add(size int64) int {
	c.list = append(c.list, class{parent: len(c.list), size: size})
	return len(c.list) - 1
}

// addFrozen returns a new class that is not permuted.
func (c *classes) addFrozen(size int64, reason string) int {
	x := c.add(size)
	c.list[x].frozen = reason
	return x
}

func (c *classes) find(x int) int {
	for c.list[x].parent != x {
		c.list[x].parent = c.list[c.list[x].parent].parent
		x = c.list[x].parent
	}
	return x
}

func (c *classes) size(x int) int64 { return c.list[c.find(x)].size }

// freeze excludes a class from being permuted. The first reason stays.
func (c *classes) freeze(x int, reason string) {
	x = c.find(x)
	if c.list[x].frozen != "" {
		return
	}
	c.list[x].frozen = reason
	for _, p := range c.list[x].parts {
		c.freeze(p, reason)
	}
}

// factors returns the parts of a product, else the class itself.
func (c *classes) factors(x int) []int { return c.parts(x, product) }

func (c *classes) parts(x int, of division) (list []int) {
	x = c.find(x)
	if c.list[x].division != of {
		return []int{x}
	}
	for _, p := range c.list[x].parts {
		list = append(list, c.parts(p, of)...)
	}
	return list
}

// join returns a class that is made of parts. Parts that change nothing are left out: those of size 1 in a product, of
// size 0 in a concatenation.
func (c *classes) join(of division, parts ...int) int {
	neutral, size := int64(1), int64(1)
	if of == concatenation {
		neutral, size = 0, 0
	}
	var list []int
	for _, x := range parts {
		for _, p := range c.parts(x, of) {
			n := c.size(p)
			if n == neutral {
				continue
			}
			list = append(list, p)
			switch {
			case n == unknown || size == unknown:
				size = unknown
			case of == product:
				size *= n
			default:
				size += n
			}
		}
	}
	switch len(list) {
	case 0:
		return c.add(neutral)
	case 1:
		return list[0]
	}
	x := c.add(size)
	c.list[x].division, c.list[x].parts = of, list
	if reason := c.allFrozen(list); reason != "" {
		c.list[x].frozen = reason
	}
	return x
}

// allFrozen returns the first reason if all classes are frozen.
func (c *classes) allFrozen(list []int) (reason string) {
	for _, x := range list {
		r := c.list[c.find(x)].frozen
		if r == "" {
			return ""
		}
		if reason == "" {
			reason = r
		}
	}
	return reason
}

// unite makes one class of two. reason names what unites them, in case that they cannot be: then both are frozen.
func (c *classes) unite(x, y int, reason string) {
	x, y = c.find(x), c.find(y)
	if x == y {
		return
	}
	a, b := c.list[x], c.list[y]
	switch {
	case a.size != b.size && a.size != unknown && b.size != unknown:
		c.conflict(x, y, reason)
	case a.division == whole && b.division == whole:
		c.link(x, y)
	case a.division == b.division && slices.Equal(c.parts(x, a.division), c.parts(y, b.division)):
		c.link(x, y)
	case a.size == unknown && b.size == unknown && c.alignUnknown(x, y, reason):
		c.link(x, y)
	case a.size <= 0 || b.size <= 0: // one may be a part of the other
		c.conflict(x, y, reason)
	case b.division == whole:
		c.link(y, x)
	case a.division == whole || c.align(x, y, reason):
		c.link(x, y)
	default:
		c.conflict(x, y, reason)
	}
}

// link makes x stand for what y does.
func (c *classes) link(x, y int) {
	a, b := &c.list[x], &c.list[y]
	a.parent = y
	if b.size == unknown {
		b.size = a.size
	}
	switch {
	case a.frozen != "" && b.frozen == "":
		c.freeze(y, a.frozen)
	case b.frozen != "" && a.frozen == "":
		for _, p := range a.parts { // which may be parts of other classes
			c.freeze(p, b.frozen)
		}
	}
}

func (c *classes) conflict(x, y int, reason string) {
	reason += ", where axes of different division meet"
	c.freeze(x, reason)
	c.freeze(y, reason)
}

// align unites the parts of two divided classes of one size. It reports whether their divisions can be made equal.
func (c *classes) align(x, y int, reason string) bool {
	a, b := c.list[x].division, c.list[y].division
	switch {
	case a == product && b == product:
		return c.alignProducts(c.factors(x), c.factors(y), reason)
	case a == concatenation && b == concatenation:
		return c.alignRuns(c.parts(x, a), c.parts(y, b), reason)
	case a == concatenation:
		x, y = y, x
	}
	// x is a product, y a concatenation.
	var sizes []int64
	runs := c.parts(y, concatenation)
	for _, r := range runs {
		sizes = append(sizes, c.size(r))
	}
	cut := c.cutProduct(x, sizes)
	for i, r := range runs {
		if cut != nil {
			c.unite(cut[i], r, reason)
		}
	}
	return cut != nil
}

// alignProducts divides the factors of two products until they are equal, from the slowest on.
func (c *classes) alignProducts(a, b []int, reason string) bool {
	return c.alignLists(a, b, reason, func(x int, m, n int64) []int {
		if m%n != 0 {
			return nil
		}
		parts := c.divide(x, n, m/n)
		if parts == nil {
			return nil
		}
		return slices.Concat(c.factors(parts[0]), c.factors(parts[1]))
	})
}

// alignLists unites two lists class by class. divide divides a class of the size m, which is larger than its counterpart
// of the size n; nil if it cannot be.
func (c *classes) alignLists(a, b []int, reason string, divide func(x int, m, n int64) []int) bool {
	for len(a) > 0 && len(b) > 0 {
		m, n := c.size(a[0]), c.size(b[0])
		if m == n {
			c.unite(a[0], b[0], reason)
			a, b = a[1:], b[1:]
			continue
		}
		if m < n {
			a, b, m, n = b, a, n, m
		}
		parts := divide(a[0], m, n)
		if parts == nil {
			return false
		}
		a = slices.Concat(parts, a[1:])
	}
	return len(a) == 0 && len(b) == 0
}

// alignUnknown unites the factors of two products of unknown size one by one, such as batch x heads, if they are as
// many and of the same sizes.
func (c *classes) alignUnknown(x, y int, reason string) bool {
	a, b := c.factors(x), c.factors(y)
	if len(a) != len(b) || len(a) < 2 {
		return false
	}
	for i := range a {
		if c.size(a[i]) != c.size(b[i]) {
			return false
		}
	}
	for i := range a {
		c.unite(a[i], b[i], reason)
	}
	return true
}

// alignRuns cuts the runs of two concatenations until they are equal.
func (c *classes) alignRuns(a, b []int, reason string) bool {
	return c.alignLists(a, b, reason, func(x int, m, n int64) []int { return c.cut(x, []int64{n, m - n}) })
}
