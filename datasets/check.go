package datasets

import (
	"context"
	"fmt"
)

// checkIndex returns an error if i is out of range or the context has ended. Every Read begins with it.
func checkIndex(ctx context.Context, name string, i, n int) error {
	if i < 0 || i >= n {
		return fmt.Errorf("%s: sample %d is out of range: there are %d samples", name, i, n)
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

// checkLabels returns an error for a label below NoLabel, and for one beyond the class names if there are any.
func checkLabels(labels []int64, classes []string) error {
	for i, l := range labels {
		if l < NoLabel {
			return fmt.Errorf("sample %d has label %d; labels count from 0, and %d stands for none", i, l, NoLabel)
		}
		if len(classes) > 0 && l >= int64(len(classes)) {
			return fmt.Errorf("sample %d has label %d, but there are %d class names", i, l, len(classes))
		}
	}
	return nil
}
