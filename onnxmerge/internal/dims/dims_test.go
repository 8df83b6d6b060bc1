package dims

import (
	"slices"
	"testing"
)

func TestShapes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ got, want []int64 }{
		"a number as a vector":    {Reshaped(nil, []int64{-1}, false), []int64{1}},
		"a vector as a number":    {Reshaped([]int64{1, 1}, nil, false), []int64{}},
		"an open axis":            {Reshaped([]int64{2, 3, 4}, []int64{4, -1}, false), []int64{4, 6}},
		"an axis that stays":      {Reshaped([]int64{2, 3, 4}, []int64{0, -1}, false), []int64{2, 12}},
		"no elements":             {Reshaped([]int64{0, 3}, []int64{3, 0}, true), []int64{3, 0}},
		"an open axis of nothing": {Reshaped([]int64{0, 3}, []int64{0, -1}, true), nil},
		"another number":          {Reshaped([]int64{6}, []int64{4, -1}, false), nil},
		"two open axes":           {Reshaped([]int64{6}, []int64{-1, -1}, false), nil},
		"too many elements":       {Reshaped([]int64{1 << 40}, []int64{-1}, false), nil},
		"a product that is too large": {
			Reshaped([]int64{6}, []int64{1 << 30, 1 << 30, 1 << 30, -1}, false), nil},
		"all axes of 1":     {Squeezed([]int64{1, 2, 1}, nil), []int64{2}},
		"one of them":       {Squeezed([]int64{1, 2, 1}, []int64{-1}), []int64{1, 2}},
		"one of 2":          {Squeezed([]int64{1, 2, 1}, []int64{1}), nil},
		"new axes":          {Unsqueezed([]int64{2, 3}, []int64{-1, 0}), []int64{1, 2, 3, 1}},
		"a new axis twice":  {Unsqueezed([]int64{2, 3}, []int64{0, -4}), nil},
		"a new axis beyond": {Unsqueezed([]int64{2, 3}, []int64{3}), nil},
	} {
		if (c.got == nil) != (c.want == nil) || !slices.Equal(c.got, c.want) {
			t.Errorf("%s: %d, want %d", name, c.got, c.want)
		}
	}
}
