package result

import (
	"math"
	"slices"

	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit"
	"github.com/wiseft/wiseft/probe/metric"
)

// Score has the figures of a probe on one data set.
type Score struct {
	OA   Number `json:"oa"`   // overall accuracy
	MAcc Number `json:"macc"` // mean accuracy over the classes that occur
	// NLL is the mean negative log-likelihood in nats; null if the class of a sample had no training sample, which
	// makes it infinite.
	NLL   Number `json:"nll"`
	ECE   Number `json:"ece"`   // expected calibration error, 15 bins
	Brier Number `json:"brier"` // mean squared distance of the probabilities from the label
	N     int    `json:"n"`
	// Score is the score of the user's own that was measured instead of all others; nil without one.
	Score *Number `json:"score,omitempty"`

	// Not in the tables of many models:
	ECEEqualMass Number  `json:"-"` // expected calibration error, 15 bins of equally many samples
	Confusion    [][]int `json:"-"` // row = label, column = prediction
}

// Score returns all figures of the predictions.
func (p *Predictions) Score() *Score {
	nll := metric.NLL(p.Scores, p.Y, p.Classes)
	if slices.Contains(p.impossible, true) {
		nll = math.Inf(1)
	}
	return &Score{
		OA:           Number(metric.Accuracy(p.Class, p.Y)),
		MAcc:         Number(metric.MeanClassAccuracy(p.Class, p.Y, p.Classes)),
		NLL:          Number(nll),
		ECE:          Number(metric.ECE(p.Prob, p.Y, p.Classes)),
		ECEEqualMass: Number(metric.ECEEqualMass(p.Prob, p.Y, p.Classes)),
		Brier:        Number(metric.Brier(p.Prob, p.Y, p.Classes)),
		N:            len(p.Y),
		Confusion:    metric.Confusion(p.Class, p.Y, p.Classes),
	}
}

// Intervals are the bootstrap intervals of a score's figures: low and high ends.
type Intervals struct {
	OA           [2]Number `json:"accuracy"`
	MAcc         [2]Number `json:"mean_class_accuracy"`
	NLL          [2]Number `json:"nll"`
	ECE          [2]Number `json:"ece"`
	ECEEqualMass [2]Number `json:"ece_equal_mass"`
	Brier        [2]Number `json:"brier"`
}

// Intervals returns 95 % bootstrap intervals from resamples resamples of the samples.
func (p *Predictions) Intervals(resamples int, seed uint64) *Intervals {
	all := make([]*Score, 0, resamples)
	metric.Bootstrap(len(p.Y), resamples, ConfidenceLevel, seed, func(idx []int) float64 {
		all = append(all, p.Subset(idx).Score())
		return 0
	})
	of := func(figure func(s *Score) Number) [2]Number {
		values := make([]float64, len(all))
		for i, s := range all {
			values[i] = float64(figure(s))
		}
		i := metric.ExpandedPercentiles(values, ConfidenceLevel, len(p.Y))
		return [2]Number{Number(i.Low), Number(i.High)}
	}
	return &Intervals{
		OA: of(func(s *Score) Number { return s.OA }), MAcc: of(func(s *Score) Number { return s.MAcc }),
		NLL: of(func(s *Score) Number { return s.NLL }), ECE: of(func(s *Score) Number { return s.ECE }),
		ECEEqualMass: of(func(s *Score) Number { return s.ECEEqualMass }),
		Brier:        of(func(s *Score) Number { return s.Brier }),
	}
}

// ConfidenceLevel is that of all intervals.
const ConfidenceLevel = 0.95

// NewScore returns the score of a classifier on labelled features.
func NewScore(cl *fit.Classifier, f *feature.Set) (*Score, error) {
	p, err := Predict(cl, f)
	if err != nil {
		return nil, err
	}
	return p.Score(), nil
}
