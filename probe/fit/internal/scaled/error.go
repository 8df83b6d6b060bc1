package scaled

import "github.com/wiseft/wiseft/internal/fault"

// ErrTooLarge reports a matrix that is not positive definite after rounding.
var ErrTooLarge = fault.Inputf("features are too large for double precision; standardize them or lower C")
