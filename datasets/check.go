package datasets

import (
	"context"
	"fmt"
)

// checkIndex is how every Read starts.
func checkIndex(ctx context.Context, name string, i, n int) error {
	if i < 0 || i >= n {
		return fmt.Errorf("%s: sample %d is out of range: there are %d", name, i, n)
	}
	return ctx.Err()
}

// notFinite returns the index of the first NaN or infinity in x, or -1.
func notFinite(x []float32) int {
	for i, v := range x {
		if v-v != 0 {
			return i
		}
	}
	return -1
}
