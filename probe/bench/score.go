package bench

import (
	"math"
	"slices"

	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/metric"
)

// Score is how well a probe does on one data set.
type Score struct {
	OA   Number `json:"oa"`   // overall accuracy
	MAcc Number `json:"macc"` // mean accuracy over the classes that occur
	// NLL is the mean negative log-likelihood in nats; null where a sample's class had
	// no training sample, which makes it infinite.
	NLL Number `json:"nll"`
	ECE Number `json:"ece"` // expected calibration error, 15 bins
	N   int    `json:"n"`

	Confusion [][]int `json:"-"` // row = label, column = prediction
}

// NewScore scores labelled features.
func NewScore(cl *probe.Classifier, f *probe.Features) (*Score, error) {
	if err := cl.CheckScores(f); err != nil {
		return nil, err
	}
	k := len(cl.Classes)
	scores, pred := make([]float64, f.Len()*k), make([]int64, f.Len())
	cl.Scores(scores, f.X, f.Len())
	cl.Predict(pred, scores)
	nll := metric.NLL(scores, f.Y, k)
	if slices.ContainsFunc(f.Y, func(y int64) bool { return cl.Unseen(int(y)) }) {
		nll = math.Inf(1)
	}
	metric.Softmax(scores, scores, k)
	return &Score{
		OA:        Number(metric.Accuracy(pred, f.Y)),
		MAcc:      Number(metric.MeanClassAccuracy(pred, f.Y, k)),
		NLL:       Number(nll),
		ECE:       Number(metric.ECE(scores, f.Y, k)),
		N:         f.Len(),
		Confusion: metric.Confusion(pred, f.Y, k),
	}, nil
}
