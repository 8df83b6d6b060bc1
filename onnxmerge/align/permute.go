package align

import (
	"fmt"
	"slices"
	"sync"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Permutation has, for each place in a group, the unit that goes there: place i takes unit p[i].
type Permutation []int

// identity returns the permutation that moves nothing.
func identity(n int) Permutation {
	p := make(Permutation, n)
	for i := range p {
		p[i] = i
	}
	return p
}

// Inverse returns the permutation that moves every unit back.
func (p Permutation) Inverse() Permutation {
	q := make(Permutation, len(p))
	for i, from := range p {
		q[from] = i
	}
	return q
}

// Moved returns how many units change their place.
func (p Permutation) Moved() (n int) {
	for i, from := range p {
		if i != from {
			n++
		}
	}
	return n
}

// check returns an error if p is no permutation of n units.
func (p Permutation) check(n int) error {
	if len(p) != n {
		return fmt.Errorf("align: a permutation of %d units for a group of %d", len(p), n)
	}
	seen := make([]bool, n)
	for _, from := range p {
		if from < 0 || from >= n || seen[from] {
			return fmt.Errorf("align: %v is no permutation", []int(p))
		}
		seen[from] = true
	}
	return nil
}

// Permutations are one permutation per group, by its ID; nil moves nothing.
type Permutations []Permutation

// Inverse returns the permutations that move all units back.
func (p Permutations) Inverse() Permutations {
	q := make(Permutations, len(p))
	for i := range p {
		q[i] = p[i].Inverse()
	}
	return q
}

// Replacements returns the tensors of a model that permutations change, with their permuted elements, bit for bit. The
// groups are those of the model. Elements are read when the tensor is written; a tensor that is permuted along other axes
// than the first is held in memory from then on.
func (g *Groups) Replacements(p Permutations) ([]onnx.Replacement, error) {
	moves, order, err := g.moves(p)
	if err != nil {
		return nil, err
	}
	var list []onnx.Replacement
	for _, t := range order {
		read := sync.OnceValues(func() ([]byte, error) { return permuted(t, moves[t]) })
		list = append(list, onnx.Replacement{Tensor: t, Fill: func(dst []byte, off int64) error {
			raw, err := read()
			if err == nil {
				copy(dst, raw[off:])
			}
			return err
		}})
	}
	return list, nil
}

// moves returns, for each tensor that changes, the index map of each axis: place i takes element map[i]. A nil map
// moves nothing.
func (g *Groups) moves(p Permutations) (moves map[*onnx.Tensor][][]int, order []*onnx.Tensor, err error) {
	if len(p) != len(g.List) {
		return nil, nil, fmt.Errorf("align: %d permutations for %d groups", len(p), len(g.List))
	}
	moves = map[*onnx.Tensor][][]int{}
	for i, group := range g.List {
		if p[i] == nil {
			continue
		}
		if err := p[i].check(group.Size); err != nil {
			return nil, nil, err
		}
		if p[i].Moved() == 0 {
			continue
		}
		for _, m := range group.Members {
			maps, seen := moves[m.Tensor]
			if !seen {
				maps = make([][]int, len(m.Tensor.Dims))
				moves[m.Tensor] = maps
				order = append(order, m.Tensor)
			}
			maps[m.Axis] = m.apply(p[i], maps[m.Axis], int(m.Tensor.Dims[m.Axis]))
		}
	}
	return moves, order, nil
}

// apply returns an index map of an axis of n elements after which units are permuted, too.
func (l Layout) apply(p Permutation, before []int, n int) []int {
	if before == nil {
		before = identity(n)
	}
	after := slices.Clone(before)
	for _, place := range l.places() {
		for u, from := range p {
			after[place+u*l.Stride] = before[place+from*l.Stride]
		}
	}
	return after
}

// permuted returns the payload of a tensor with permuted axes.
func permuted(t *onnx.Tensor, moves [][]int) ([]byte, error) {
	src := make([]byte, t.SizeBytes())
	if err := t.ReadAt(src, 0); err != nil {
		return nil, err
	}
	dst := make([]byte, len(src))
	size := t.DType.Bits() / 8
	for k := len(moves) - 1; k >= 0 && moves[k] == nil; k-- { // axes behind the last that moves are copied in one
		size *= int(t.Dims[k])
		moves = moves[:k]
	}
	(&gatherer{dims: t.Dims, moves: moves, size: size, src: src}).gather(dst, 0, 0)
	return dst, nil
}

// gatherer copies elements of size bytes by index.
type gatherer struct {
	dims  []int64
	moves [][]int
	size  int
	src   []byte
}

// gather fills dst with the elements of an axis and those behind it, of which the first is element base; it returns the
// rest of dst.
func (g *gatherer) gather(dst []byte, axis, base int) []byte {
	if axis == len(g.moves) {
		copy(dst[:g.size], g.src[base*g.size:])
		return dst[g.size:]
	}
	n := int(g.dims[axis])
	for i := range n {
		from := i
		if g.moves[axis] != nil {
			from = g.moves[axis][i]
		}
		dst = g.gather(dst, axis+1, base*n+from)
	}
	return dst
}
