package metric

import (
	"cmp"
	"math"
	"slices"
)

// ECEBins is the number of equal-width bins of [ECE]: the 15 of Guo et al. 2017.
const ECEBins = 15

// NLL returns the mean negative log-likelihood, in nats, of the labels under the
// softmax of the scores.
func NLL(scores []float64, y []int64, classes int) float64 {
	checkRows(scores, y, classes)
	sum := 0.0
	for i, label := range y {
		row := scores[i*classes : (i+1)*classes]
		sum += logSumExp(row) - row[label]
	}
	return sum / float64(len(y))
}

// ECE returns the expected calibration error of class probabilities (Guo et al.,
// On Calibration of Modern Neural Networks, 2017, equation 3):
//
//	sum over bins of |bin| / n * | accuracy(bin) - mean confidence(bin) |
//
// with the probability of the predicted class as the confidence and ECEBins bins
// ((m-1)/15, m/15] of equal width. Of equal probabilities the first class counts as
// predicted.
func ECE(prob []float64, y []int64, classes int) float64 {
	checkRows(prob, y, classes)
	// Per bin: sum of right - confidence; the bin's size cancels out.
	var gap [ECEBins]float64
	for i, label := range y {
		confidence, right := confidence(prob[i*classes:(i+1)*classes], label)
		bin := int(math.Ceil(confidence*ECEBins)) - 1
		gap[min(max(bin, 0), ECEBins-1)] += right - confidence
	}
	return meanGap(gap[:], len(y))
}

// ECEEqualMass is [ECE] with ECEBins bins of equally many samples, up to one, in the order of their confidence
// (Nguyen and O'Connor, Posterior calibration and exploratory analysis for natural language processing models, 2015).
// Samples of equal confidence stay in their order.
func ECEEqualMass(prob []float64, y []int64, classes int) float64 {
	checkRows(prob, y, classes)
	type sample struct{ confidence, gap float64 }
	samples := make([]sample, len(y))
	for i, label := range y {
		c, right := confidence(prob[i*classes:(i+1)*classes], label)
		samples[i] = sample{c, right - c}
	}
	slices.SortStableFunc(samples, func(a, b sample) int { return cmp.Compare(a.confidence, b.confidence) })
	var gap [ECEBins]float64
	for i, s := range samples {
		gap[i*ECEBins/len(samples)] += s.gap
	}
	return meanGap(gap[:], len(y))
}

// confidence returns the highest probability of a row, and 1 if its class (of equal probabilities the first) is the
// label, else 0.
func confidence(row []float64, label int64) (confidence, right float64) {
	top := 0
	for c, p := range row {
		if p > row[top] {
			top = c
		}
	}
	if int64(top) == label {
		right = 1
	}
	return row[top], right
}

func meanGap(gap []float64, n int) float64 {
	sum := 0.0
	for _, g := range gap {
		sum += math.Abs(g)
	}
	return sum / float64(n)
}

// Brier returns the mean over samples of the squared distance between the class
// probabilities and the label's one-hot vector (Brier 1950): 0 to 2.
func Brier(prob []float64, y []int64, classes int) float64 {
	checkRows(prob, y, classes)
	sum := 0.0
	for i, label := range y {
		for c, p := range prob[i*classes : (i+1)*classes] {
			if int64(c) == label {
				p--
			}
			sum += p * p
		}
	}
	return sum / float64(len(y))
}
