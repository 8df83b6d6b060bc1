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

// checkLabels refuses labels that name no class.
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
