package bench

import (
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/bench/unit"
	"github.com/wiseft/wiseft/probe/metric"
	"github.com/wiseft/wiseft/probe/store"
)

// maxControls is the largest number of alphas with averaged answers; of a finer grid every k-th has them.
const maxControls = 19

// addControls adds the averaged answers of both ends, and the plan's controls.
func (b *builder) addControls() error {
	if err := b.addAveraged(); err != nil {
		return err
	}
	for v := len(b.spec.Models()); v < len(b.spec.Variants); v++ {
		r, err := b.answersOf(v, unit.OnTest, 0)
		if err != nil {
			return err
		}
		b.result.Controls = append(b.result.Controls,
			&result.Control{ID: b.spec.Variants[v].ID, Head: "probe", Tested: *b.tested(0, r)})
	}
	return nil
}

// addAveraged adds the averaged answers of the two ends, which cost two forward passes where a mix costs one: for alphas
// of the grid, by probes and by own heads, from the ends' stored scores on the first test set. Without both ends, or
// with mixes of several parameters, there are none.
func (b *builder) addAveraged() error {
	low, high := b.end(0), b.end(1)
	if low < 0 || high < 0 {
		return nil
	}
	var alphas []float64
	for _, m := range b.result.Models {
		if m.OnPath() && *m.Alpha > 0 && *m.Alpha < 1 {
			alphas = append(alphas, *m.Alpha)
		}
	}
	alphas = thinned(alphas, maxControls)
	for _, head := range b.answerHeads() {
		list, err := b.averaged(low, high, alphas, head.key)
		if err != nil {
			return err
		}
		for i, r := range list {
			c := &result.Control{ID: result.Ensemble, Alpha: &alphas[i], Head: head.name, Tested: *b.tested(0, r)}
			b.result.Controls = append(b.result.Controls, c)
		}
	}
	return nil
}

// answerHead is a head whose stored scores are averaged.
type answerHead struct {
	name string
	key  func(v int, w unit.View) store.Key
}

// answerHeads lists the probe and the own head, as far as they were scored.
func (b *builder) answerHeads() []answerHead {
	switch {
	case b.spec.Settings.OwnHead:
		return []answerHead{{"own", b.spec.Scores}}
	case b.spec.Settings.Heads:
		return []answerHead{{"probe", b.spec.Scores}, {"own", b.spec.HeadScores}}
	}
	return []answerHead{{"probe", b.spec.Scores}}
}

// thinned returns every k-th of a list, so that at most n remain.
func thinned(list []float64, n int) (out []float64) {
	k := (len(list) + n - 1) / n
	for i := (k - 1) / 2; i < len(list); i += max(k, 1) {
		out = append(out, list[i])
	}
	return out
}

// averaged returns, for every alpha, the answers by (1-alpha) times the scores of one variant plus alpha times those of
// another, on the first test set. key finds stored scores.
func (b *builder) averaged(low, high int, alphas []float64, key func(v int, w unit.View) store.Key) ([]*answers, error) {
	list := make([]*answers, len(alphas))
	for i := range list {
		list[i] = &answers{}
	}
	for c := range b.spec.Tests[0].Cells {
		w := unit.View{Role: unit.OnTest, Cell: c}
		p, err := b.predictions(key(low, w), low, w)
		if err != nil {
			return nil, err
		}
		q, err := b.predictions(key(high, w), high, w)
		if err != nil {
			return nil, err
		}
		for i, alpha := range alphas {
			mean := p.Mix(q, alpha)
			list[i].scores = append(list[i].scores, brief(mean.Score()))
			list[i].right = append(list[i].right, metric.Right(mean.Class, mean.Y))
		}
	}
	return list, nil
}
