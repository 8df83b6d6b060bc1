package scaled

import "github.com/wiseft/wiseft/internal/fault"

// errTooLarge reports a matrix that is not positive definite once rounded.
var ErrTooLarge = fault.Inputf("features are too large for double precision; standardize them or lower C")
