package bench

import (
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/bench/unit"
	"github.com/wiseft/wiseft/probe/metric"
)

// linearMethod is the method whose mixes are WiSE-FT's.
const linearMethod = "linear"

// rowMaker makes the rows of the table that WiSE-FT-LP is judged by.
type rowMaker struct {
	*builder
	fineTuned *answers // of the row FT
	clouds    *metric.CloudFigures
	rows      []*result.Row
}

// addRows adds the rows of the path between both ends; none without the ends.
func (b *builder) addRows() error {
	low, high := b.end(0), b.end(1)
	if low < 0 || high < 0 {
		return nil
	}
	whole := b.whole
	defer func() { b.whole = whole }()
	r := &rowMaker{builder: b}
	if err := r.addEnds(low, high); err != nil {
		return err
	}
	alpha := ConventionalAlpha
	if c := b.result.Chosen; c != nil && c.Alpha != nil {
		alpha = *c.Alpha
	}
	for v, m := range b.result.Models {
		if m.Alpha != nil && *m.Alpha == alpha && len(m.Params) == 1 {
			if err := r.addMix(v, m); err != nil {
				return err
			}
		}
	}
	if err := r.addControls(low, high, alpha); err != nil {
		return err
	}
	r.adjust()
	b.result.Rows = r.rows
	return nil
}

// addEnds adds the pre-trained and the fine-tuned model.
func (r *rowMaker) addEnds(low, high int) error {
	if !r.spec.Settings.OwnHead {
		r.add("PT", low, "", nil)
	}
	own, err := r.own(high)
	if err != nil {
		return err
	}
	if own != nil {
		r.add("FT", high, "own", own)
	}
	if r.spec.Settings.OwnHead {
		return nil
	}
	if err := r.addFitted("FT, head retrained", high); err != nil {
		return err
	}
	return r.addFitted("LP-only", low)
}

// addMix adds a mix with its heads.
func (r *rowMaker) addMix(v int, m *result.Model) error {
	name, set := "WiSE-FT", r.spec.Settings
	if set.Method != "" && set.Method != linearMethod {
		name = set.Method
	}
	suffix := ""
	switch {
	case m.Repaired:
		suffix = ", repaired"
	case m.Statistics != "":
		suffix = ", " + m.Statistics
	case set.Statistics != "" && set.Statistics != linearMethod:
		suffix = ", " + set.Statistics
	}
	own, err := r.own(v)
	if err != nil {
		return err
	}
	if own != nil {
		r.add(name+suffix, v, "own", own)
	}
	if set.OwnHead {
		return nil
	}
	return r.addFitted(name+"-LP"+suffix, v)
}

// own returns the answers of a model's own head; nil if it was not scored.
func (r *rowMaker) own(v int) (*answers, error) {
	switch {
	case r.spec.Settings.OwnHead:
		return r.answersOf(v, unit.OnTest, 0)
	case r.spec.Settings.Heads:
		return r.headAnswers(v)
	}
	return nil, nil
}

// addFitted adds a row for every head that was fitted to a variant's features.
func (r *rowMaker) addFitted(name string, v int) error {
	a, err := r.answersOf(v, unit.OnTest, 0)
	if err != nil {
		return err
	}
	r.add(name, v, "probe", a)
	for h, set := range r.spec.Settings.Probes {
		a, err := r.furtherAnswers(v, h)
		if err != nil {
			return err
		}
		r.add(name+", "+set.Name, v, set.Name, a)
	}
	return nil
}

// addControls adds averaged answers and random networks.
func (r *rowMaker) addControls(low, high int, alpha float64) error {
	for _, head := range r.answerHeads() {
		list, err := r.averaged(low, high, []float64{alpha}, head.key)
		if err != nil {
			return err
		}
		row := r.row("averaged answers, "+head.name, head.name, list[0])
		row.Alpha, row.Control = &alpha, true
	}
	for v := len(r.spec.Models()); v < len(r.spec.Variants); v++ {
		a, err := r.answersOf(v, unit.OnTest, 0)
		if err != nil {
			return err
		}
		row := r.row(r.spec.Variants[v].ID, "probe", a)
		row.Model, row.Control = r.spec.Variants[v].ID, true
	}
	return nil
}

// add adds the row of a model. a is nil without a head.
func (r *rowMaker) add(name string, v int, head string, a *answers) {
	m := r.result.Models[v]
	row := r.row(name, head, a)
	row.Model, row.Alpha, row.Merged = m.ID, m.Alpha, m.Merged
	if m.IsAlpha(0) || m.IsAlpha(1) {
		row.Merged = 0 // an end is one of the models
	}
}

// row adds a row with the figures of answers. The first row of the fine-tuned model is what others are compared with.
func (r *rowMaker) row(name, head string, a *answers) *result.Row {
	unknown := result.Unknown()
	row := &result.Row{Name: name, Head: head, Clean: unknown, MOA: unknown, MCE: unknown,
		Interval: [2]result.Number{unknown, unknown}}
	r.rows = append(r.rows, row)
	if a == nil {
		return row
	}
	t := r.tested(0, a)
	row.Clean, row.MOA, row.MCE, row.Interval, row.MOARange = t.Clean.OA, t.MOA, t.MCE, t.Intervals.Clean, t.Intervals.MOA
	clouds := r.suite(0, a)
	if r.fineTuned == nil {
		r.fineTuned, r.clouds = a, clouds
		return row
	}
	row.CleanDifference = compareAccuracy(a.right[0], r.fineTuned.right[0])
	if clouds != nil && r.clouds != nil {
		row.MOADifference = compareMeans(clouds.MOA, r.clouds.MOA)
	}
	return row
}

// adjust adjusts the p-values for the number of rows.
func (r *rowMaker) adjust() {
	var cleans, moas []*result.Difference
	for _, row := range r.rows {
		if row.CleanDifference != nil {
			cleans = append(cleans, row.CleanDifference)
		}
		if row.MOADifference != nil {
			moas = append(moas, row.MOADifference)
		}
	}
	holm(cleans)
	holm(moas)
}
