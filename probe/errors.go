package probe

import "fmt"

// InputError reports samples, labels or features that a model or a probe cannot use:
// another number of points, NaN, missing labels. It names data set and sample.
type InputError struct{ Reason string }

func (e *InputError) Error() string { return e.Reason }

// InputErrorf returns an InputError.
func InputErrorf(format string, args ...any) error {
	return &InputError{fmt.Sprintf(format, args...)}
}
