package mapping

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// minSlice is the least number of elements of a slice of any tensor. Fewer are equal by chance to some of a large
// checkpoint, and are looked for in tensors of up to fewElements, such as a gate for each layer.
const (
	minSlice    = 4
	fewElements = 64
)

// findParts explains a tensor as some rows of a tensor of the checkpoint, as a tensor or such rows repeated, or as
// several joined.
func (f *finder) findParts(ctx context.Context, g *target) error {
	if g.tensor.Len() < minSlice {
		return f.findElements(g)
	}
	if g.uniform {
		return nil
	}
	return f.findPartsAs(ctx, g, g.tensor.DType)
}

// findPartsAs is findParts after conversion of the checkpoint to a type.
func (f *finder) findPartsAs(ctx context.Context, g *target, as onnx.DType) error {
	want, err := read(g.tensor, g.tensor.DType, g.tensor.Dims, as)
	if err != nil {
		return err
	}
	x, err := f.indexes.of(ctx, as)
	if err != nil {
		return err
	}
	d := want.digest()
	for _, find := range []func(*index, array, *digest) ([]*Expression, error){f.sliced, f.repeated, f.joined} {
		found, err := find(x, want, d)
		if errors.Is(err, errEqualPart) || errors.Is(err, errManyWays) {
			if len(g.candidates) == 0 {
				g.refusal = err.Error()
			}
			return nil
		}
		if err != nil {
			return err
		}
		had := g.candidates
		for _, e := range found { // another way to take the same tensor apart is no other source
			if !slices.ContainsFunc(had, func(x *Expression) bool { return slices.Equal(x.Names(), e.Names()) }) {
				g.candidates = append(g.candidates, e)
			}
		}
		g.proof = "equal elements"
	}
	return nil
}

// mostSliced is the largest number of elements of tensors in which a slice of n is looked for.
func mostSliced(n int64) int64 {
	if n < minSlice {
		return fewElements
	}
	return math.MaxInt64
}

// findElements explains a few numbers, not equal ones that code has, as elements of a small tensor.
func (f *finder) findElements(g *target) error {
	want, err := read(g.tensor, g.tensor.DType, g.tensor.Dims, g.tensor.DType)
	if err != nil || g.uniform && formula(want.numbers(), want.dims, want.dtype) != "" {
		return err
	}
	found, err := f.slicedUpTo(want, want.digest(), mostSliced(g.tensor.Len()))
	g.candidates, g.proof = found, "equal elements"
	return err
}

// errEqualPart says that an array may be joined of parts, one of which has equal elements, such as a bias before training.
var errEqualPart = errors.New("it is joined of parts, one of which has equal elements, and these do not say what they are made from")

// joined explains an array as parts that are joined along an axis, or along the first axes taken as one if these are
// few (directions of a recurrent layer).
func (f *finder) joined(x *index, want array, d *digest) ([]*Expression, error) {
	var equal error
	for axis := range want.dims {
		found, err := f.joinedAlong(x, want, d.sums(axis), axis)
		if errors.Is(err, errEqualPart) || errors.Is(err, errManyWays) {
			equal = err
		} else if len(found) > 0 || err != nil {
			return found, err
		}
	}
	if len(want.dims) < 2 || want.dims[0] > 2 || equal != nil {
		return nil, equal
	}
	merged, err := want.reshape(append([]int64{want.dims[0] * want.dims[1]}, want.dims[2:]...))
	if err != nil {
		return nil, err
	}
	found, err := f.joinedAlong(x, merged, merged.digest().sums(0), 0)
	for i, e := range found {
		found[i] = reshaped(e, merged.dims, want.dims)
	}
	return found, err
}

// joinedAlong explains an array as parts along an axis; sums are the running sums of its signatures. All ways are candidates.
func (f *finder) joinedAlong(x *index, want array, sums []signature, axis int) ([]*Expression, error) {
	extent := want.dims[axis]
	if extent < 2 {
		return nil, nil
	}
	j := &joiner{finder: f, index: x, want: want, sums: sums, axis: axis, extent: extent, row: length(want.dims) / extent,
		ways: map[int64][][]*Expression{}}
	ways, err := j.from(0)
	if err != nil || len(ways) == 0 {
		return nil, err
	}
	if j.equal {
		return nil, errEqualPart
	}
	var out []*Expression
	for _, list := range ways {
		if e := (&Expression{Op: Concat, Args: list, Axis: axis}); len(list) > 1 && len(e.Names()) > 0 {
			out = append(out, e)
		}
	}
	return out, nil
}

// isPlain reports whether all elements are equal to a number that code has.
func (a array) isPlain() bool {
	first := a.data[:a.itemBytes()]
	for item := range slices.Chunk(a.data, len(first)) {
		if !bytes.Equal(item, first) {
			return false
		}
	}
	return plainOf(storedAs(a.dtype), 1).has(array{a.dtype, nil, first}.numbers()[0])
}

// matchPart returns the layouts in which a part has the elements of an array.
func (f *finder) matchPart(p part, want array) ([]*Expression, error) {
	if length(p.dims) != length(want.dims) {
		return nil, nil
	}
	from, err := f.read(p.tensor, want.dtype)
	if err == nil && p.axis >= 0 {
		from, err = from.slice(p.axis, p.start, p.end)
	}
	if err != nil {
		return nil, err
	}
	return layouts(p.expression(), from, want), nil
}

// sliced explains an array as some rows of one tensor along any axis.
func (f *finder) sliced(_ *index, want array, d *digest) ([]*Expression, error) {
	return f.slicedUpTo(want, d, math.MaxInt64)
}

// slicedUpTo looks in tensors of at most so many elements.
func (f *finder) slicedUpTo(want array, d *digest, most int64) ([]*Expression, error) {
	n := length(want.dims)
	var found []*Expression
	for _, t := range f.checkpoint.Tensors {
		if t.Len() <= n || t.Len() > most {
			continue
		}
		from, err := f.indexes.digest(t, want.dtype)
		if err != nil {
			return nil, err
		}
		if from == nil {
			continue
		}
		for axis, extent := range t.Dims {
			row := t.Len() / extent
			if n%row != 0 || from.uniform {
				continue
			}
			list, err := f.rowsOf(t, axis, from.sums(axis), want, d.whole, n/row)
			if err != nil {
				return nil, err
			}
			found = append(found, list...)
		}
	}
	return found, nil
}

// rowsOf finds windows of so many rows of a tensor.
func (f *finder) rowsOf(
	t *checkpoint.Tensor, axis int, sums []signature, want array, whole signature, rows int64,
) ([]*Expression, error) {
	var found []*Expression
	for start := int64(0); start+rows < int64(len(sums)); start++ {
		if sums[start+rows]-sums[start] != whole {
			continue
		}
		dims := slices.Clone(t.Dims)
		dims[axis] = rows
		list, err := f.matchPart(part{t, axis, start, start + rows, dims}, want)
		if err != nil {
			return nil, err
		}
		found = append(found, list...)
	}
	return found, nil
}

// repeated explains an array whose rows along the first axis are all equal by one of them.
func (f *finder) repeated(x *index, want array, d *digest) ([]*Expression, error) {
	if len(want.dims) < 2 || want.dims[0] < 2 {
		return nil, nil
	}
	for _, s := range d.rows[0] {
		if s != d.rows[0][0] {
			return nil, nil
		}
	}
	one, err := want.slice(0, 0, 1)
	if err != nil {
		return nil, err
	}
	for i := range want.dims[0] {
		if size := int64(len(one.data)); string(want.data[i*size:(i+1)*size]) != string(one.data) {
			return nil, nil
		}
	}
	first := one.digest()
	var found []*Expression
	for _, p := range x.whole[first.whole] {
		list, err := f.matchPart(p, one)
		if err != nil {
			return nil, err
		}
		found = append(found, list...)
	}
	if len(found) == 0 {
		if found, err = f.sliced(x, one, first); err != nil {
			return nil, err
		}
	}
	for i, e := range found {
		found[i] = &Expression{Op: Repeat, Args: []*Expression{e}, Count: want.dims[0], Dims: want.dims}
	}
	return found, nil
}
