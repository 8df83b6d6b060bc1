package probe

import (
	"errors"
	"slices"
	"testing"
)

// The batch axis of a pass comes first, whichever it was.
func TestRows(t *testing.T) {
	t.Parallel()
	x := []float32{0, 1, 10, 11, 20, 21} // [3 2 1] of values 10 i + j
	for _, c := range []struct {
		name            string
		axis            int
		declared, shape []int64
		batch           int64
		want            []float32
		rows            []int64 // nil = refused
		found           int
	}{
		{"first", 0, []int64{-1, 2, 1}, []int64{3, 2, 1}, 3, x, []int64{3, 2, 1}, 0},
		{"second", 1, []int64{3, -1, 1}, []int64{3, 2, 1}, 2, []float32{0, 10, 20, 1, 11, 21}, []int64{2, 3, 1}, 1},
		{"none, one sample", 0, []int64{-1}, []int64{6}, 1, x, []int64{1, 6}, NoBatchAxis},
		{"a single number", 0, nil, []int64{}, 1, x, []int64{1}, NoBatchAxis},
		{"none, two samples", 0, []int64{-1}, []int64{6}, 2, nil, nil, 0},
		{"another length", 1, nil, []int64{3, 2}, 3, nil, nil, 0},
		{"other axes than declared", 0, []int64{-1, 6}, []int64{3, 2, 1}, 3, x, []int64{3, 2, 1}, 0},
	} {
		got := slices.Concat([]float32{-1}, x) // of an earlier pass, and of this one
		out, err := rows(got, 1, c.batch, Output{Name: "y", BatchAxis: c.axis, Declared: c.declared, Shape: c.shape})
		if (err != nil) != (c.rows == nil) || err != nil && !errors.Is(err, ErrBatchAxis) {
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil {
			continue
		}
		if !slices.Equal(got[1:], c.want) || got[0] != -1 || !slices.Equal(out.Shape, c.rows) || out.BatchAxis != c.found {
			t.Errorf("%s: %v of shape %v along %d, want %v of %v along %d", c.name, got, out.Shape, out.BatchAxis, c.want, c.rows, c.found)
		}
		if out.Declared != nil && len(out.Declared) != len(out.Shape) {
			t.Errorf("%s: declares %v for the shape %v", c.name, out.Declared, out.Shape)
		}
	}
}

// The batch axis is the one with the name of an input's first axis.
func TestBatchAxis(t *testing.T) {
	t.Parallel()
	in := []Input{{Name: "x", Axes: []string{"n", "time"}}, {Name: "y", Axes: []string{""}}}
	for _, c := range []struct {
		axes []string
		want int
	}{{[]string{"time", "n", ""}, 1}, {[]string{"n", "time"}, 0}, {[]string{"time", ""}, 0}, {nil, 0}} {
		if got := BatchAxis(c.axes, in); got != c.want {
			t.Errorf("%v: %d, want %d", c.axes, got, c.want)
		}
	}
}
