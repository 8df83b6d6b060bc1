package mapping

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// maxCombined bounds the candidates of a joined tensor.
const maxCombined = 64

// errManyWays says that an array may be joined of parts in more ways than are compared.
var errManyWays = errors.New("it may be joined of parts in very many ways, and nothing says in which")

// joiner finds the ways to join an array of parts along an axis.
type joiner struct {
	*finder
	index       *index
	want        array
	sums        []signature // running sums of the rows' signatures
	axis        int
	extent, row int64                     // number of rows, and elements of one
	ways        map[int64][][]*Expression // by the first row: the ways to join the rows from there on
	equal       bool                      // a part has equal elements
}

// fit is a part that has the elements of some rows.
type fit struct {
	part  part
	rows  int64
	found []*Expression
}

// from returns all ways to join the rows from one on.
func (j *joiner) from(at int64) ([][]*Expression, error) {
	if at == j.extent {
		return [][]*Expression{nil}, nil
	}
	if ways, ok := j.ways[at]; ok {
		return ways, nil
	}
	fits, err := j.fitsAt(at)
	if err != nil {
		return nil, err
	}
	var ways [][]*Expression
	seen := map[string]bool{}
	for _, fit := range fits {
		rest, err := j.from(at + fit.rows)
		if err != nil {
			return nil, err
		}
		for _, e := range fit.found {
			for _, list := range rest {
				if e.Op == Constant && continues(list, fits) {
					continue
				}
				list = joinNeighbours(append([]*Expression{e}, list...))
				if key := keyOf(list); !seen[key] {
					seen[key] = true
					ways = append(ways, list)
				}
			}
		}
		if len(ways) > maxCombined {
			return nil, errManyWays
		}
	}
	j.ways[at] = ways
	return ways, nil
}

// continues reports whether a list begins with a part of a tensor that fits before it too: the constant that is there instead is the
// beginning of that tensor.
func continues(list []*Expression, fits []fit) bool {
	return len(list) > 0 && slices.ContainsFunc(fits, func(f fit) bool {
		return f.part.tensor != nil && slices.Contains(list[0].Names(), f.part.tensor.Name)
	})
}

func keyOf(list []*Expression) string {
	var b strings.Builder
	for _, e := range list {
		fmt.Fprintln(&b, e)
	}
	return b.String()
}

// fitsAt returns the parts whose elements are those of rows from one on, the longest first.
func (j *joiner) fitsAt(at int64) ([]fit, error) {
	var fits []fit
	equal := j.want.runAt(j.axis, at) // so many rows are equal to one number
	if equal*j.row < minSlice || equal == j.extent {
		equal = 0
	}
	for _, n := range slices.Backward(j.index.lengths) {
		rows, parts := j.partsAt(at, n)
		if rows <= equal {
			break
		}
		parts = slices.DeleteFunc(slices.Clone(parts), func(p part) bool { return j.isBeginning(p, fits, at+rows) })
		if len(parts) == 0 {
			continue
		}
		piece, err := j.want.slice(j.axis, at, at+rows)
		if err != nil {
			return nil, err
		}
		for _, p := range parts {
			list, err := j.matchPart(p, piece)
			if err != nil {
				return nil, err
			}
			if len(list) > 0 {
				fits = append(fits, fit{p, rows, list})
				j.equal = j.equal || piece.isPlain()
			}
		}
	}
	if equal == 0 {
		return fits, nil
	}
	constant, err := j.constantAt(at, equal)
	return append(fits, constant), err
}

// constantAt returns rows of equal elements as a constant, such as a bias of zeros that an exporter puts between others. What else they
// may be made from are suspects of the constant.
func (j *joiner) constantAt(at, rows int64) (fit, error) {
	one, err := j.want.slice(j.axis, at, at+1)
	if err != nil {
		return fit{}, err
	}
	first := array{one.dtype, nil, one.data[:one.itemBytes()]}
	dims, err := slicedDims(j.want.dims, j.axis, at, at+rows)
	return fit{rows: rows, found: []*Expression{{Op: Constant, Factor: first.numbers()[0], Dims: dims}}}, err
}

// partsAt returns the parts of n elements with the signature of the rows from one on, and the number of these rows.
func (j *joiner) partsAt(at, n int64) (rows int64, parts []part) {
	rows = n / j.row
	if n%j.row != 0 || rows == 0 || rows > j.extent-at || rows == j.extent {
		return rows, nil
	}
	return rows, j.index.parts[j.sums[at+rows]-j.sums[at]]
}

// isBeginning reports whether a part, which ends at a row, is the beginning of a longer one that fits, and no other tensor, from its
// beginning, may follow: taking it would give the longer one in two pieces, or in pieces of several tensors that are equal there.
func (j *joiner) isBeginning(p part, fits []fit, end int64) bool {
	begins := func(f fit) bool {
		return f.part.tensor == p.tensor && f.part.start == p.start && (f.part.axis < 0 || f.part.axis == p.axis)
	}
	if !slices.ContainsFunc(fits, begins) {
		return false
	}
	for _, n := range j.index.lengths {
		_, parts := j.partsAt(end, n)
		if slices.ContainsFunc(parts, func(next part) bool { return next.tensor != p.tensor && next.start == 0 }) {
			return false
		}
	}
	return true
}

// joinNeighbours merges slices that follow each other.
func joinNeighbours(list []*Expression) []*Expression {
	var out []*Expression
	for _, e := range list {
		if n := len(out); n > 0 {
			a := out[n-1]
			if a.Op == Slice && e.Op == Slice && a.Axis == e.Axis && a.End == e.Start && a.Args[0].Op == Tensor &&
				e.Args[0].Op == Tensor && a.Args[0].Name == e.Args[0].Name {
				merged := *a
				merged.End = e.End
				out[n-1] = &merged
				continue
			}
		}
		out = append(out, e)
	}
	return out
}
