package hinge

// Squared is the sum over the classes of the squared hinge loss of one class against the rest. As in LIBLINEAR, the
// weight of a class applies where its rows are the positive ones; with two classes, to both sides.
type Squared struct{ Own, Rest []float64 }

func (l Squared) weight(class, label int) float64 {
	if class == label {
		return l.Own[label]
	}
	return l.Rest[label]
}

// slack returns max(0, 1 - s z) for a score z, and the sign s.
func slack(score float64, class, label int) (slack, sign float64) {
	sign = -1
	if class == label {
		sign = 1
	}
	return max(0, 1-sign*score), sign
}
