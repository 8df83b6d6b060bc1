package metric

import "math"

// SeenSign is what speaks for validation data that the second of two models was trained on, and the first was not.
type SeenSign struct {
	Before, After float64 // validation minus test accuracy of the first and of the second model
	Z             float64 // After - Before in standard errors
}

// Found reports whether the sign is beyond chance: the second model is more than three standard errors further above
// its test accuracy than the first is above its own. A false alarm has probability .0013 if validation and test data
// are of one distribution; TestSeenFalseAlarms counts them.
func (s SeenSign) Found() bool { return s.Z > 3 && s.After > 0 }

// Seen compares the answers of two models on validation data with those on test data. With d the difference of the two
// models on a sample (1 if only the second is right, -1 if only the first is),
//
//	Z = (mean d on validation - mean d on test) / sqrt(variance / n on validation + variance / n on test)
//
// A harder test set lowers both models and has no influence on Z. One sample for and one against each model are added
// to the variances, which would otherwise be 0 for models that agree, or that never do.
func Seen(firstVal, secondVal, firstTest, secondTest []bool) SeenSign {
	val, valVariance := gain(firstVal, secondVal)
	test, testVariance := gain(firstTest, secondTest)
	return SeenSign{
		Before: share(firstVal) - share(firstTest), After: share(secondVal) - share(secondTest),
		Z: (val - test) / math.Sqrt(valVariance+testVariance),
	}
}

// gain returns the mean of the differences of two models, and the variance of that mean.
func gain(first, second []bool) (mean, variance float64) {
	lost, won := Discordant(first, second)
	n, w, l := float64(len(first)), float64(won), float64(lost)
	shrunk := (w - l) / (n + 2)
	return (w - l) / n, ((w+l+2)/(n+2) - shrunk*shrunk) / n
}

func share(right []bool) float64 {
	n := 0
	for _, ok := range right {
		if ok {
			n++
		}
	}
	return float64(n) / float64(len(right))
}
