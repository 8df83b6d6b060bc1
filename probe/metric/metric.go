// Package metric computes figures of classifiers: accuracy, calibration, and robustness under corruption, with their
// intervals and tests.
//
// All functions are pure functions of slices. Labels are classes from 0; scores and probabilities are rows of one
// value per class, row after row. Slices are not changed and not kept, so that concurrent use is safe. Lengths that
// do not fit each other and labels outside the classes are bugs of the caller and panic. A mean over nothing is NaN.
//
// Simulations decided between methods (coverage_test.go). For one accuracy the interval is Wilson's and for a
// difference of two Tango's, because with few wrong or discordant samples every bootstrap has too small a coverage
// (down to .73 where models differ on two samples). For suites, clouds are the independent units: differences have
// Student's interval of the clouds' differences, figures of a single model, which are bounded and skewed, Wilson's
// interval of an equivalent number of answers. Tests are McNemar's with mid-p (exact size at most .050) and random
// sign flips by cloud.
package metric

import (
	"math"
	"slices"
)

// Accuracy returns the share of samples whose predicted class is their label: the
// overall accuracy (OA) of the point-cloud benchmarks.
func Accuracy(pred, y []int64) float64 {
	checkPairs(pred, y)
	right := 0
	for i, label := range y {
		if pred[i] == label {
			right++
		}
	}
	return float64(right) / float64(len(y))
}

// MeanClassAccuracy returns the mean, over the classes that occur in y, of the accuracy within the class, so that all
// classes have the same weight.
func MeanClassAccuracy(pred, y []int64, classes int) float64 {
	sum, present := 0.0, 0
	for c, row := range Confusion(pred, y, classes) {
		total := 0
		for _, n := range row {
			total += n
		}
		if total > 0 {
			sum += float64(row[c]) / float64(total)
			present++
		}
	}
	return sum / float64(present)
}

// Confusion counts predictions: row = label, column = predicted class.
func Confusion(pred, y []int64, classes int) [][]int {
	checkPairs(pred, y)
	flat := make([]int, classes*classes)
	rows := make([][]int, classes)
	for c := range rows {
		rows[c] = flat[c*classes : (c+1)*classes]
	}
	for i, label := range y {
		rows[label][pred[i]]++
	}
	return rows
}

// Softmax sets dst to the class probabilities of scores. dst may be scores itself.
func Softmax(dst, scores []float64, classes int) {
	if len(dst) != len(scores) {
		panic("metric: softmax of slices that differ in length")
	}
	for lo := 0; lo < len(scores); lo += classes {
		row, out := scores[lo:lo+classes], dst[lo:lo+classes]
		top, sum := slices.Max(row), 0.0
		for c, s := range row {
			out[c] = math.Exp(s - top)
			sum += out[c]
		}
		for c := range out {
			out[c] /= sum
		}
	}
}

// logSumExp returns log(sum(exp(row))) without overflow.
func logSumExp(row []float64) float64 {
	top, sum := slices.Max(row), 0.0
	for _, s := range row {
		sum += math.Exp(s - top)
	}
	return top + math.Log(sum)
}

func checkPairs(pred, y []int64) {
	if len(pred) != len(y) {
		panic("metric: predictions and labels differ in length")
	}
}

func checkRows(values []float64, y []int64, classes int) {
	if len(values) != len(y)*classes {
		panic("metric: rows and labels differ in length")
	}
}
