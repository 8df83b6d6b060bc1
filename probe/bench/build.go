package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/wiseft/wiseft/probe/bench/choose"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/bench/unit"
	"github.com/wiseft/wiseft/probe/fit"
	"github.com/wiseft/wiseft/probe/metric"
	"github.com/wiseft/wiseft/probe/store"
)

// selfMadeNote is a note of every result with figures of generated corruptions beside a published reference: the
// published suites are fixed files, and other random numbers give other figures.
const selfMadeNote = "self-made corruptions; not comparable with published %sfigures"

// storedNote is a note where corruptions were read from files: whether they are the published ones is not known.
const storedNote = "corruptions as stored; comparable with published %sfigures only if these are the published files"

// loadUnit reads a unit and reports whether it exists. A damaged unit is removed, so that it is computed again.
func loadUnit(folder *store.Folder, event func(string), kind string, key store.Key,
	read func(in io.ReaderAt, size int64) error) (bool, error) {
	err := folder.Load(kind, key, read)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		event(err.Error() + ": the unit is computed again")
		return false, folder.Remove(kind, key)
	}
	return true, nil
}

// builder makes the result of a plan from its units.
type builder struct {
	spec   *unit.Spec
	folder *store.Folder
	event  func(string)
	ref    *metric.Reference // nil without one
	whole  bool              // every model has figures of the whole suite
	result *result.Result

	against int                  // index of the variant with which others are compared, or -1
	base    *answers             // its answers on the first test set
	suite0  *metric.CloudFigures // its figures by cloud; nil unless the suite was run whole
}

// missingError reports that a unit which the result needs does not exist.
type missingError struct{ what string }

func (e *missingError) Error() string { return e.what + " is missing" }

func isMissing(err error) bool {
	_, ok := errors.AsType[*missingError](err)
	return ok
}

// newResult makes the result. It reads the scores of one variant at a time.
func newResult(ctx context.Context, s *unit.Spec, folder *store.Folder, event func(string)) (*result.Result, error) {
	b := &builder{spec: s, folder: folder, event: event, whole: true}
	b.result = &result.Result{Schema: s.Result, Suite: s.Settings.Suite, Order: s.Settings.Corruptions,
		Notes: []string{}, Pareto: []string{},
		NUnits: s.Total(), Settings: s.Settings}
	if err := b.addWeights(); err != nil {
		return nil, err
	}
	b.findReference()
	for _, shared := range s.Settings.Shared {
		b.note("SHARED SAMPLES: " + shared)
	}
	for _, doubt := range s.Settings.Doubts {
		b.note("warning: " + doubt)
	}
	if share := s.Settings.ValFromTest; share > 0 {
		b.note(fmt.Sprintf("test figures are of %g %% of the test samples: the others validate; published figures are of all",
			100*(1-share)))
	}
	if s.Settings.Score != nil {
		return scoreBuilder{b, *s.Settings.Score}.build(ctx)
	}
	models := s.Models()
	validated := make([]choose.Candidate, len(models))
	for v := range models {
		m, val, err := b.validated(v)
		if err != nil {
			return nil, err
		}
		b.result.Models, validated[v] = append(b.result.Models, m), val
	}
	if !s.Settings.Choose.OnTest {
		b.result.Chosen = b.chosen(validated)
	}
	if err := b.compareTo(); err != nil {
		return nil, err
	}
	for v, m := range b.result.Models {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r, err := b.model(m, v)
		if err != nil {
			return nil, err
		}
		if s.Settings.Choose.OnTest {
			validated[v].Vals = []choose.Answers{r.forChoice()}
		}
	}
	if s.Settings.Choose.OnTest {
		if b.result.Chosen = b.chosen(validated); b.result.Chosen != nil {
			b.note(onTestNote)
		}
	}
	if len(s.Settings.Corruptions) > 0 && s.Settings.Suite != "" && !b.whole {
		b.note(fmt.Sprintf("only a part of %s was run; mOA, mCE and RmCE exist for the whole suite only", s.Settings.Suite))
	}
	if err := b.ownHeads(); err != nil {
		return nil, err
	}
	if err := b.furtherHeads(); err != nil {
		return nil, err
	}
	if err := b.addControls(); err != nil {
		return nil, err
	}
	if err := b.addRows(); err != nil {
		return nil, err
	}
	if err := b.transfers(); err != nil {
		return nil, err
	}
	if err := b.noteSeen(); err != nil {
		return nil, err
	}
	if err := b.addChanges(); err != nil {
		return nil, err
	}
	if err := b.compareCorrections(); err != nil {
		return nil, err
	}
	if err := b.addLandscape(ctx); err != nil {
		return nil, err
	}
	b.summarizeModels()
	return b.result, nil
}

// onTestNote marks every result whose mix was chosen by test data.
const onTestNote = "CHOSEN ON TEST DATA: the figures of the chosen mix are optimistic and are no estimate of new data"

// chosen applies the rule of the plan, or marks the mix of the convention; nil if there is none.
func (b *builder) chosen(list []choose.Candidate) *result.Chosen {
	choice := b.spec.Settings.Choose
	best := choice.Best(list)
	if best < 0 {
		return b.conventional()
	}
	m := b.result.Models[best]
	c := &result.Chosen{ID: m.ID, Alpha: alphaOf(m.Params), Params: m.Params, Repaired: m.Repaired,
		Statistics: m.Statistics, Rule: choice.Doc(),
		RuleName: choice.Rule, OnTest: choice.OnTest, Validation: result.Number(list[best].OA())}
	if choice.Robust() {
		robust := result.Number(list[best].Robustness())
		c.Robustness = &robust
	}
	c.Command = b.spec.Variants[best].Command
	for _, i := range choice.Indistinguishable(list, best) {
		c.Indistinguishable = append(c.Indistinguishable, b.result.Models[i].ID)
	}
	return c
}

// ConventionalAlpha is the alpha that is marked where no data chooses.
const ConventionalAlpha = 0.5

// notChosen is the rule of a mix that no data chose.
const notChosen = "not chosen: no unseen validation data"

// conventional returns the mix that is marked without validation data: alpha .5, repaired if mixes are. It is nil if
// there is none, or if mixes differ in other parameters, too.
func (b *builder) conventional() (c *result.Chosen) {
	for v, m := range b.result.Models {
		if m.Alpha != nil && *m.Alpha == ConventionalAlpha && len(m.Params) == 1 && m.Statistics == "" &&
			(c == nil || m.Repaired) {
			c = &result.Chosen{ID: m.ID, Alpha: m.Alpha, Params: m.Params, Repaired: m.Repaired, Rule: notChosen,
				RuleName: result.Convention, Validation: result.Unknown(),
				Reason:  "alpha 0.5 is WiSE-FT's convention for no validation data; " + NeedsVal,
				Command: b.spec.Variants[v].Command}
		}
	}
	return c
}

// alphaOf returns the value of the parameter alpha; nil if there is none.
func alphaOf(params []result.Param) *float64 {
	for i, p := range params {
		if p.Name == result.Alpha {
			return &params[i].Value
		}
	}
	return nil
}

func (b *builder) note(line string) {
	if !slices.Contains(b.result.Notes, line) {
		b.result.Notes = append(b.result.Notes, line)
	}
}

// findReference looks up the reference of corruption errors, and notes what the figures can be compared with.
func (b *builder) findReference() {
	s := &b.spec.Settings
	if len(s.Corruptions) == 0 {
		return
	}
	if b.ref = s.Reference; b.ref == nil && s.Score == nil {
		if ref, ok := metric.DefaultReference(s.Suite); ok {
			b.ref = &ref
		}
	}
	for t, test := range b.spec.Tests {
		note := b.comparability(t)
		if len(b.spec.Tests) > 1 {
			note = test.Name + ": " + note
		}
		b.note(note)
	}
	if s.Score != nil {
		return // corruption errors are of accuracies
	}
	if b.ref == nil {
		b.note("there is no reference for these corruptions, so mCE and RmCE are not computed")
		return
	}
	b.result.Reference = &result.Reference{Name: b.ref.Name, Source: b.ref.Source, Note: b.comparability(0)}
}

// comparability returns the note about what figures of a test set can be compared with.
func (b *builder) comparability(t int) string {
	note := storedNote
	if !b.spec.Tests[t].Stored || b.spec.Settings.Tests[t].SelfMade {
		note = selfMadeNote
	}
	title := ""
	if b.ref != nil {
		title = b.ref.Title + " "
	}
	return fmt.Sprintf(note, title)
}

// validated returns the part of a variant's result that needs no test data.
func (b *builder) validated(v int) (*result.Model, choose.Candidate, error) {
	m := b.newModel(v)
	val, err := b.validation(m, v)
	return m, val, err
}

// newModel returns a variant's model without figures.
func (b *builder) newModel(v int) *result.Model {
	x := b.spec.Variants[v]
	m := &result.Model{ID: x.ID, Params: x.Params, Repaired: x.Repaired, Statistics: x.Statistics, Merged: x.Merged}
	m.Alpha = alphaOf(m.Params)
	return m
}

// model sets the figures of a variant on test data, and returns its answers on the first test set.
func (b *builder) model(m *result.Model, v int) (first *answers, err error) {
	for t := range b.spec.Tests {
		r, err := b.answersOf(v, unit.OnTest, t)
		if err != nil {
			return nil, err
		}
		tested := b.tested(t, r)
		if t > 0 {
			m.MoreTests = append(m.MoreTests, tested)
			continue
		}
		first, m.Tested, m.ModelSHA256 = r, *tested, r.model
		b.compare(m, r)
	}
	if b.spec.Settings.OwnHead {
		return first, nil
	}
	return first, b.probe(m, v)
}

// scores loads the predictions on the data set w.
func (b *builder) scores(v int, w unit.View) (*result.Predictions, error) {
	return b.predictions(b.spec.Scores(v, w), v, w)
}

// predictions loads the predictions of variant v on the data set w, which have the key.
func (b *builder) predictions(key store.Key, v int, w unit.View) (*result.Predictions, error) {
	var p *result.Predictions
	ok, err := loadUnit(b.folder, b.event, unit.Scores, key, func(in io.ReaderAt, size int64) (err error) {
		if p, err = result.ReadPredictions(in, size); err == nil && len(p.Y) != b.spec.Cell(w).N {
			err = fmt.Errorf("%d predictions for %d samples", len(p.Y), b.spec.Cell(w).N)
		}
		return err
	})
	if err == nil && !ok {
		err = &missingError{b.spec.Variants[v].ID + ": " + b.spec.Name(w)}
	}
	return p, err
}

// validation sets the figures that the choice is made by.
func (b *builder) validation(m *result.Model, v int) (choose.Candidate, error) {
	var val choose.Candidate
	for _, p := range m.Params {
		val.Params = append(val.Params, p.Value)
	}
	for i, set := range b.spec.Vals {
		r, err := b.answersOf(v, unit.Validation, i)
		if err != nil {
			return val, err
		}
		if i == 0 {
			m.Validation = r.scores[0]
		} else {
			m.MoreValidation = append(m.MoreValidation, r.scores[0])
		}
		if name := b.spec.Settings.Choose.Val; name == "" || name == set.Name {
			val.Vals = append(val.Vals, r.forChoice())
		}
	}
	if robust := result.Number(val.Robustness()); robust.Known() {
		m.ValidationRobustness = &robust
	}
	return val, nil
}

// answers are a variant's predictions on a validation or test set, reduced to scores and correctness.
type answers struct {
	model  string // hash of the bytes that ran
	scores []*result.Score
	right  [][]bool // by condition and sample
}

// forChoice returns the answers as a rule uses them.
func (r *answers) forChoice() choose.Answers {
	a := choose.Answers{Right: r.right[0], Conditions: len(r.right) - 1}
	if a.Conditions == 0 {
		return a
	}
	a.Corrupted = make([]int, len(a.Right))
	for _, right := range r.right[1:] {
		for i, ok := range right {
			if ok {
				a.Corrupted[i]++
			}
		}
	}
	return a
}

// answersOf loads the answers of a variant on a validation or test set.
func (b *builder) answersOf(v int, role unit.Role, set int) (*answers, error) {
	r := &answers{}
	cells := b.spec.Tests
	if role == unit.Validation {
		cells = b.spec.Vals
	}
	for c := range cells[set].Cells {
		p, err := b.scores(v, unit.View{Role: role, Set: set, Cell: c})
		if err != nil {
			return nil, err
		}
		r.model = p.Of.ModelSHA256
		r.scores = append(r.scores, brief(p.Score()))
		r.right = append(r.right, metric.Right(p.Class, p.Y))
	}
	return r, nil
}

// tested computes the figures of a variant on a test set.
func (b *builder) tested(t int, r *answers) *result.Tested {
	test := b.spec.Tests[t]
	res := &result.Tested{Name: test.Name, Corruptions: map[string]*result.Corruption{}}
	for c, cell := range test.Cells {
		addScore(res, cell, r.scores[c])
	}
	suite := b.suite(t, r)
	summarize(res, b.ref)
	if suite == nil || !summarizeSuite(res, b.ref) {
		b.whole = false
	}
	res.Corrupted = corrupted(r.scores[1:])
	res.Intervals = b.intervals(r, suite)
	return res
}

// corrupted returns the means of calibration figures; nil without scores.
func corrupted(scores []*result.Score) *result.Corrupted {
	if len(scores) == 0 {
		return nil
	}
	c := &result.Corrupted{Cells: len(scores)}
	for _, s := range scores {
		c.NLL, c.ECE, c.Brier = c.NLL+s.NLL, c.ECE+s.ECE, c.Brier+s.Brier
	}
	n := result.Number(len(scores))
	c.NLL, c.ECE, c.Brier = c.NLL/n, c.ECE/n, c.Brier/n
	return c
}

// probe sets the report of the variant's probe, and notes if it did not converge or lacks classes.
func (b *builder) probe(m *result.Model, v int) error {
	ok, err := loadUnit(b.folder, b.event, unit.Probe, b.spec.Probe(v), func(in io.ReaderAt, size int64) error {
		cl, err := fit.ReadClassifier(in, size)
		if err == nil {
			m.Probe = cl.Meta.Fit
		}
		return err
	})
	if err == nil && (!ok || m.Probe == nil) {
		err = &missingError{m.ID + ": the probe"}
	}
	if err != nil {
		return err
	}
	if !m.Probe.Converged {
		b.note(fmt.Sprintf("%s: the probe did not converge within %d iterations; gradient norm %.2g", m.ID,
			m.Probe.Iterations, m.Probe.GradientNorm))
	}
	if len(m.Probe.Unseen) > 0 && !m.Clean.NLL.Known() {
		b.note(fmt.Sprintf("%s: classes %v have no training sample, so the NLL is infinite (null)", m.ID, m.Probe.Unseen))
	}
	return nil
}
