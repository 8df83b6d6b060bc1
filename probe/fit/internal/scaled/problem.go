package scaled

// Problem is the input of an engine: rows, labels without gaps, and the weight of the loss of every class.
type Problem struct {
	*Rows
	Y []int // 0 to k-1, each at least once
	K int
	// Weight is the factor of the loss of each class, including C.
	Weight  []float64
	C, Tol  float64 // Tol is the relative norm of the gradient at which to stop
	MaxIter int
}
