package result

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"github.com/wiseft/wiseft/datasets/npy"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit"
	"github.com/wiseft/wiseft/probe/metric"
)

// Predictions are the scores of a classifier for labelled features.
type Predictions struct {
	Y, Class   []int64
	Scores     []float64 // n x classes
	Prob       []float64 // n x classes: the softmax of Scores
	Classes    int
	impossible []bool       // by sample: its class had no training sample
	Of         feature.Meta // of the features that were scored
}

// Predict scores labelled features with a probe.
func Predict(cl *fit.Classifier, f *feature.Set) (*Predictions, error) {
	if err := cl.CheckScores(f); err != nil {
		return nil, err
	}
	k := len(cl.Classes)
	p := &Predictions{
		Y: f.Y, Class: make([]int64, f.Len()), Classes: k,
		Scores: make([]float64, f.Len()*k), Prob: make([]float64, f.Len()*k), impossible: make([]bool, f.Len()), Of: f.Meta,
	}
	cl.Scores(p.Scores, f.X, f.Len())
	p.classify()
	for i, y := range f.Y {
		p.impossible[i] = cl.Unseen(int(y))
	}
	return p, nil
}

// Subset returns the predictions of the samples idx, which may be repeated.
func (p *Predictions) Subset(idx []int) *Predictions {
	k := p.Classes
	sub := &Predictions{Classes: k}
	for _, i := range idx {
		sub.Y, sub.Class = append(sub.Y, p.Y[i]), append(sub.Class, p.Class[i])
		sub.Scores = append(sub.Scores, p.Scores[i*k:(i+1)*k]...)
		sub.Prob = append(sub.Prob, p.Prob[i*k:(i+1)*k]...)
		sub.impossible = append(sub.impossible, p.impossible[i])
	}
	return sub
}

// Mix returns predictions by (1-alpha) times the scores of p plus alpha times those of q, for the same samples and
// classes.
func (p *Predictions) Mix(q *Predictions, alpha float64) *Predictions {
	m := &Predictions{Y: p.Y, Class: make([]int64, len(p.Class)), Classes: p.Classes, impossible: p.impossible,
		Scores: make([]float64, len(p.Scores)), Prob: make([]float64, len(p.Scores))}
	for i := range m.Scores {
		m.Scores[i] = (1-alpha)*p.Scores[i] + alpha*q.Scores[i]
	}
	m.classify()
	return m
}

const predictionsSchema = "wiseft.predictions/1"

// predictionsMeta is the array meta of stored predictions.
type predictionsMeta struct {
	Schema string       `json:"schema"`
	Unseen []int        `json:"unseen,omitempty"` // classes without a training sample
	Of     feature.Meta `json:"features"`         // that were scored
}

// OwnHead returns features as the class scores of a model's own head. Rows that are probabilities, as a model with a
// Softmax has them, are replaced by their logarithms, whose softmax they are. to has the label of each class score, of
// several with one label the highest counts, and those without a label are left out; nil takes all as they are.
func OwnHead(f *feature.Set, to map[int64]int64) (*Predictions, error) {
	logarithms := areProbabilities(f)
	if to != nil {
		var err error
		if f, err = grouped(f, to); err != nil {
			return nil, err
		}
	}
	p := &Predictions{Y: f.Y, Classes: f.Dim, Class: make([]int64, f.Len()),
		Scores: make([]float64, len(f.X)), Prob: make([]float64, len(f.X)), impossible: make([]bool, f.Len()), Of: f.Meta}
	for i, y := range f.Y {
		if y < 0 || y >= int64(f.Dim) {
			return nil, fault.Inputf("%s: sample %d has label %d, but %q gives scores of classes 0 to %d; "+
				"map the labels with --labels",
				f.Meta.Data.Name, i, y, f.Meta.Tensor, f.Dim-1)
		}
	}
	for i, x := range f.X {
		p.Scores[i] = float64(x)
	}
	if logarithms {
		for i, x := range p.Scores {
			p.Scores[i] = math.Log(max(x, math.SmallestNonzeroFloat32))
		}
	}
	p.classify()
	return p, nil
}

// grouped returns class scores by label: the highest of those with the label.
func grouped(f *feature.Set, to map[int64]int64) (*feature.Set, error) {
	classes := make([][]int, slices.Max(slices.Collect(maps.Values(to)))+1) // by label
	for class, label := range to {
		if class >= int64(f.Dim) {
			return nil, fault.Mismatchf("%q gives scores of classes 0 to %d, and class %d has a label", f.Meta.Tensor, f.Dim-1, class)
		}
		classes[label] = append(classes[label], int(class))
	}
	g := &feature.Set{Dim: len(classes), Y: f.Y, Meta: f.Meta, X: make([]float32, 0, f.Len()*len(classes))}
	for label, list := range classes {
		if len(list) == 0 {
			return nil, fault.Mismatchf("no class of %q has the label %d", f.Meta.Tensor, label)
		}
	}
	for i := range f.Len() {
		row := f.Row(i)
		for _, list := range classes {
			best := row[list[0]]
			for _, class := range list[1:] {
				best = max(best, row[class])
			}
			g.X = append(g.X, best)
		}
	}
	return g, nil
}

// areProbabilities reports whether all rows are non-negative and sum to 1. The tolerance is the rounding of float32
// sums of 1,000 classes.
func areProbabilities(f *feature.Set) bool {
	for i := range f.Len() {
		sum := 0.0
		for _, x := range f.Row(i) {
			if x < 0 {
				return false
			}
			sum += float64(x)
		}
		if math.Abs(sum-1) > 1e-3 {
			return false
		}
	}
	return true
}

// classify sets Class and Prob from Scores: the class of the highest score, of equal ones the first.
func (p *Predictions) classify() {
	k := p.Classes
	for i := range p.Class {
		row := p.Scores[i*k : (i+1)*k]
		p.Class[i] = int64(slices.Index(row, slices.Max(row)))
	}
	metric.Softmax(p.Prob, p.Scores, k)
}

// Write writes the predictions as an NPZ file with the arrays scores (n, classes) float64, y (n,) and class (n,)
// int64, the labels and the predicted classes, and meta, one JSON text. unseen are the classes without a training
// sample.
func (p *Predictions) Write(w io.Writer, unseen []int) error {
	text, err := json.Marshal(predictionsMeta{predictionsSchema, unseen, p.Of})
	if err != nil {
		return err
	}
	z := npy.NewWriter(w)
	err = z.Array("scores", "<f8", []int{len(p.Y), p.Classes}, func(w io.Writer) error {
		return binary.Write(w, binary.LittleEndian, p.Scores)
	})
	if err != nil {
		return err
	}
	if err := z.Int64s("y", p.Y); err != nil {
		return err
	}
	if err := z.Int64s("class", p.Class); err != nil {
		return err
	}
	if err := z.Strings("meta", []string{string(text)}); err != nil {
		return err
	}
	return z.Close()
}

// ReadPredictions reads what [Predictions.Write] wrote.
func ReadPredictions(r io.ReaderAt, size int64) (*Predictions, error) {
	z, err := npy.Open(r, size)
	if err != nil {
		return nil, err
	}
	scores, head, err := z.Float64s("scores")
	if err != nil {
		return nil, err
	}
	y, _, err := z.Int64s("y")
	if err != nil {
		return nil, err
	}
	text, _, err := z.Strings("meta")
	if err != nil {
		return nil, err
	}
	var meta predictionsMeta
	if len(text) != 1 || json.Unmarshal([]byte(text[0]), &meta) != nil || meta.Schema != predictionsSchema {
		return nil, fmt.Errorf("array \"meta\" does not describe predictions")
	}
	if len(head.Shape) != 2 || head.Shape[0] != len(y) || head.Shape[1] == 0 {
		return nil, fmt.Errorf("scores of shape %v for %d samples", head.Shape, len(y))
	}
	p := &Predictions{Y: y, Classes: head.Shape[1], Class: make([]int64, len(y)),
		Scores: scores, Prob: make([]float64, len(scores)), impossible: make([]bool, len(y)), Of: meta.Of}
	for i, label := range y {
		if label < 0 || label >= int64(p.Classes) {
			return nil, fmt.Errorf("label %d of %d classes", label, p.Classes)
		}
		p.impossible[i] = slices.Contains(meta.Unseen, int(label))
	}
	p.classify()
	return p, nil
}

// Margins returns, for each sample, the score of its class minus the highest score of another class.
func (p *Predictions) Margins() []float64 { return p.margins(p.Scores) }

// ProbMargins returns, for each sample, the probability of its class minus the highest one of another class. Unlike scores,
// those of different classifiers can be compared.
func (p *Predictions) ProbMargins() []float64 { return p.margins(p.Prob) }

// margins returns the margins of values, n x classes.
func (p *Predictions) margins(values []float64) []float64 {
	out := make([]float64, len(p.Y))
	for i := range out {
		row, best := values[i*p.Classes:(i+1)*p.Classes], math.Inf(-1)
		for c, s := range row {
			if int64(c) != p.Y[i] {
				best = max(best, s)
			}
		}
		out[i] = row[p.Y[i]] - best
	}
	return out
}
