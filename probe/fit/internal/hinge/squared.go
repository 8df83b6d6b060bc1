package hinge

// squaredHinge is the sum over the classes of the squared hinge loss of one class
// against the rest. As in LIBLINEAR, the weight of a class counts where its rows are the
// positive ones; for two classes on both sides.
type Squared struct{ Own, Rest []float64 }

func (l Squared) weight(class, label int) float64 {
	if class == label {
		return l.Own[label]
	}
	return l.Rest[label]
}

// slack returns 1 - s z where it is positive, else 0, and the sign s.
func slack(score float64, class, label int) (slack, sign float64) {
	sign = -1
	if class == label {
		sign = 1
	}
	return max(0, 1-sign*score), sign
}
