package mapping

import "slices"

// span is a range of indices of an axis.
type span struct{ start, end int64 }

// box is a part of an array: a range of each axis.
type box []span

// wholeBox returns the box that is all of an array.
func wholeBox(dims []int64) box {
	b := make(box, len(dims))
	for i, d := range dims {
		b[i].end = d
	}
	return b
}

// dims returns the extents of the part.
func (b box) dims() []int64 {
	dims := make([]int64, len(b))
	for i, s := range b {
		dims[i] = s.end - s.start
	}
	return dims
}

// length returns the number of elements of the part.
func (b box) length() int64 { return length(b.dims()) }

// runs calls f with the ranges of elements, in row-major order of an array with extents dims, that the box consists of.
func (b box) runs(dims []int64, f func(from, to int64) error) error {
	axis := len(dims) - 1 // the last one that is not whole: a run is a range of it
	for axis > 0 && b[axis] == (span{0, dims[axis]}) {
		axis--
	}
	if axis < 0 {
		return f(0, 1)
	}
	strides := stridesOf(dims)
	first := int64(0)
	for i, s := range b {
		first += s.start * strides[i]
	}
	size := (b[axis].end - b[axis].start) * strides[axis]
	extents := b.dims()
	w := newWalk(extents[:axis], strides[:axis])
	for range length(extents[:axis]) {
		if err := f(first+w.off, first+w.off+size); err != nil {
			return err
		}
		w.next()
	}
	return nil
}

// eachBox calls f with boxes that have, one after the other, the elements from from to to of an array in row-major order: a
// part of a row, whole rows and a part of a row, along each axis.
func eachBox(dims []int64, from, to int64, f func(b box) error) error {
	return eachBoxIn(nil, dims, from, to, f)
}

// eachBoxIn is eachBox in an array at the index that outer has.
func eachBoxIn(outer box, dims []int64, from, to int64, f func(b box) error) error {
	if from >= to {
		return nil
	}
	if len(dims) == 0 {
		return f(outer)
	}
	row := length(dims[1:])
	within := func(from, to int64) error {
		i := from / row
		return eachBoxIn(append(slices.Clip(outer), span{i, i + 1}), dims[1:], from-i*row, to-i*row, f)
	}
	first, last := (from+row-1)/row, to/row // of whole rows
	if first > last {
		return within(from, to)
	}
	if from < first*row {
		if err := within(from, first*row); err != nil {
			return err
		}
	}
	if first < last {
		if err := f(append(append(slices.Clip(outer), span{first, last}), wholeBox(dims[1:])...)); err != nil {
			return err
		}
	}
	if last*row < to {
		return within(last*row, to)
	}
	return nil
}
