package scaled

// task is what is minimised over: rows, labels without gaps, and the weight of the loss of every class.
type Problem struct {
	*Rows
	Y []int // 0 to k-1, each at least once
	K int
	// weight is the factor of the loss of each class, C included.
	Weight  []float64
	C, Tol  float64 // tol is the relative norm of the gradient at which to stop
	MaxIter int
}
