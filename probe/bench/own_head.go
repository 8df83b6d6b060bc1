package bench

import (
	"io"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/bench/unit"
	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/metric"
)

// headPending reports whether the scores of a unit by the variant's own head are missing.
func (r *run) headPending(u unit.Unit) bool {
	return r.spec.Settings.Heads && (u.View.Role == unit.Validation || u.View.Role == unit.OnTest) &&
		!r.folder.Has(unit.Scores, r.spec.HeadScores(u.Variant, u.View))
}

// splitScores takes the class scores of the own head from the features behind which they are, and returns them; nil if
// the model gives none.
func splitScores(f *feature.Set, classes int) (*feature.Set, error) {
	if classes == 0 {
		return nil, nil
	}
	dim := f.Dim - classes
	if dim < 1 {
		return nil, fault.Inputf("the model gives %d values for features and %d class scores", f.Dim, classes)
	}
	scores := &feature.Set{Dim: classes, Y: f.Y, Meta: f.Meta, X: make([]float32, 0, f.Len()*classes)}
	for i := range f.Len() {
		row := f.Row(i)
		scores.X = append(scores.X, row[dim:]...)
		copy(f.X[i*dim:], row[:dim])
	}
	f.X, f.Dim = f.X[:f.Len()*dim], dim
	return scores, nil
}

// saveHead saves the scores of a data set by the variant's own head.
func (r *run) saveHead(v int, hash string, scores *feature.Set) error {
	p, err := result.OwnHead(scores, nil)
	if err != nil {
		return err
	}
	return r.folder.Save(unit.Scores, r.spec.HeadScoresOf(v, hash),
		func(w io.Writer) error { return p.Write(w, nil) })
}

// ownHeads sets the figures of the variants' own heads on the first test set, and the barrier between alpha 0 and 1.
func (b *builder) ownHeads() error {
	beside := b.spec.Settings.Heads
	if !beside && !b.spec.Settings.OwnHead {
		return nil
	}
	whole := b.whole // the suite is whole by the probes' figures
	defer func() { b.whole = whole }()
	var alphas []float64
	var right [][]bool
	for v, m := range b.result.Models {
		var r *answers
		var err error
		if beside {
			r, err = b.headAnswers(v)
		} else {
			r, err = b.answersOf(v, unit.OnTest, 0)
		}
		if err != nil {
			return err
		}
		if beside {
			m.OwnHead = b.tested(0, r)
		}
		if m.OnPath() && *m.Alpha >= 0 && *m.Alpha <= 1 {
			alphas, right = append(alphas, *m.Alpha), append(right, r.right[0])
		}
	}
	b.result.Barrier = newBarrier(alphas, right)
	return nil
}

// headAnswers loads the answers of a variant's own head on the first test set.
func (b *builder) headAnswers(v int) (*answers, error) {
	r := &answers{}
	for c := range b.spec.Tests[0].Cells {
		w := unit.View{Role: unit.OnTest, Cell: c}
		p, err := b.predictions(b.spec.HeadScores(v, w), v, w)
		if err != nil {
			return nil, err
		}
		r.scores = append(r.scores, brief(p.Score()))
		r.right = append(r.right, metric.Right(p.Class, p.Y))
	}
	return r, nil
}

// newBarrier returns the barrier of a path; nil unless alphas rise from 0 to 1 with one between.
func newBarrier(alphas []float64, right [][]bool) *result.Barrier {
	n := len(alphas)
	if n < 3 || alphas[0] != 0 || alphas[n-1] != 1 {
		return nil
	}
	for i := range n - 1 {
		if !(alphas[i] < alphas[i+1]) {
			return nil
		}
	}
	p := metric.PathBarrier(alphas, right, result.ConfidenceLevel)
	b := &result.Barrier{Fall: result.Number(p.Fall), Interval: ends(p.Interval), N: len(right[0]), Verdict: "undecided"}
	if p.At >= 0 {
		b.Alpha = &alphas[p.At]
	}
	switch {
	case p.Interval.Low > metric.ConnectedFall:
		b.Verdict = "not linearly connected"
	case p.Interval.High <= metric.ConnectedFall:
		b.Verdict = "linearly connected"
	}
	return b
}
