// Package dims computes the shapes that ONNX's operators give which leave elements in their order.
package dims

import "slices"

// maxElements bounds a shape, so that products of its axes do not overflow.
const maxElements = 1 << 31

// Axis returns an axis that may count from the end; ok is false outside of rank axes.
func Axis(a int64, rank int) (axis int, ok bool) {
	if a < 0 {
		a += int64(rank)
	}
	return int(a), a >= 0 && a < int64(rank)
}

// Reshaped returns the shape that Reshape gives a value of a shape, where 0 stands for its axis unless zeros are allowed,
// and -1 for what remains. It is nil if the numbers of elements differ.
func Reshaped(shape, target []int64, allowZero bool) []int64 {
	total := int64(1)
	for _, d := range shape {
		if total *= d; d < 0 || d > maxElements || total > maxElements {
			return nil
		}
	}
	out := append([]int64{}, target...)
	open, known := -1, int64(1)
	for i, d := range out {
		switch {
		case d == 0 && i < len(shape) && !allowZero:
			out[i] = shape[i]
			known *= out[i]
		case d == -1 && open < 0:
			open = i
		case d < 0 || d > maxElements || known > maxElements:
			return nil
		default:
			known *= d
		}
	}
	if open >= 0 {
		if known <= 0 || total%known != 0 {
			return nil
		}
		out[open] = total / known
		known *= out[open]
	}
	if known != total {
		return nil
	}
	return out
}

// Squeezed returns a shape without the given axes, or without all of length 1 if there are none; nil if one has another
// length.
func Squeezed(shape, axes []int64) []int64 {
	drop := map[int]bool{}
	for _, a := range axes {
		i, ok := Axis(a, len(shape))
		if !ok || shape[i] != 1 {
			return nil
		}
		drop[i] = true
	}
	out := []int64{}
	for i, d := range shape {
		if !drop[i] && (len(axes) > 0 || d != 1) {
			out = append(out, d)
		}
	}
	return out
}

// Unsqueezed returns a shape with axes of length 1 at the given places; nil if one is outside, or there twice.
func Unsqueezed(shape, axes []int64) []int64 {
	rank := len(shape) + len(axes)
	var places []int
	for _, a := range axes {
		at, ok := Axis(a, rank)
		if !ok || slices.Contains(places, at) {
			return nil
		}
		places = append(places, at)
	}
	slices.Sort(places)
	out := append([]int64{}, shape...)
	for _, at := range places {
		out = slices.Insert(out, at, 1)
	}
	return out
}
