package metric

import (
	"errors"
	"fmt"
	"math"
)

// Baseline is the line of accuracy out of distribution against accuracy in distribution, over models without special
// robustness, on logit axes:
//
//	logit(ood) = Slope logit(id) + Intercept,   logit(p) = log(p / (1 - p))
//
// (Taori et al., Measuring Robustness to Natural Distribution Shifts in Image Classification, 2020, section 3;
// Wortsman et al., Robust fine-tuning of zero-shot models, 2022, figure 1).
type Baseline struct {
	Slope, Intercept float64
	R2               float64 // share of the variance of logit(ood) that the line explains
	Models           int     // number of models that it was fitted to
}

// ErrFewBaselines is returned if there are fewer than two models of different accuracy.
var ErrFewBaselines = errors.New("a line needs baseline models with at least two different accuracies in distribution")

// FitBaseline fits the line by least squares to the accuracies of models, from 0 to 1. idSamples and oodSamples are
// the numbers of samples: accuracies of 0 and 1 have no finite logit, and count as 1/2n and 1 - 1/2n (half a sample).
// Two models determine a line, but only R2 of more shows whether it fits.
func FitBaseline(id, ood []float64, idSamples, oodSamples int) (Baseline, error) {
	if len(id) != len(ood) {
		panic("metric: accuracies of different models")
	}
	if bad := firstNoShare(id, ood); bad >= 0 {
		return Baseline{}, fmt.Errorf("baseline model %d: accuracies %v and %v must be shares from 0 to 1", bad,
			id[bad], ood[bad])
	}
	n := float64(len(id))
	x, y := logits(id, idSamples), logits(ood, oodSamples)
	mx, my := meanOf(x), meanOf(y)
	var xx, xy, yy float64
	for i := range x {
		dx, dy := x[i]-mx, y[i]-my
		xx += dx * dx
		xy += dx * dy
		yy += dy * dy
	}
	// With equal accuracies, what remains is rounding of the mean: some 1e-16 of values of at most 10.
	if len(id) < 2 || xx <= 1e-24*n {
		return Baseline{}, ErrFewBaselines
	}
	b := Baseline{Slope: xy / xx, R2: 1, Models: len(id)}
	b.Intercept = my - b.Slope*mx
	if yy > 0 {
		b.R2 = xy * xy / (xx * yy)
	}
	return b, nil
}

// Expected returns the accuracy out of distribution that the line predicts for the accuracy id, measured on samples
// samples.
func (b Baseline) Expected(id float64, samples int) float64 {
	return 1 / (1 + math.Exp(-(b.Slope*Logit(id, samples) + b.Intercept)))
}

// Effective returns the effective robustness of a model: its accuracy out of distribution minus the line's
// prediction, in shares (Taori et al. 2020, equation 1).
func (b Baseline) Effective(id, ood float64, idSamples int) float64 {
	return ood - b.Expected(id, idSamples)
}

// Logit returns log(p / (1 - p)) of an accuracy measured on n samples, limited to the range from 1/2n to 1 - 1/2n.
func Logit(p float64, samples int) float64 {
	if samples < 1 {
		panic("metric: an accuracy of no samples")
	}
	half := 0.5 / float64(samples)
	p = min(max(p, half), 1-half)
	return math.Log(p / (1 - p))
}

func logits(p []float64, samples int) []float64 {
	out := make([]float64, len(p))
	for i, v := range p {
		out[i] = Logit(v, samples)
	}
	return out
}

func firstNoShare(lists ...[]float64) int {
	for i := range lists[0] {
		for _, list := range lists {
			if !allShares(list[i : i+1]) {
				return i
			}
		}
	}
	return -1
}
