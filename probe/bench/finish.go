package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/metric"
	"github.com/wiseft/wiseft/probe/store"
)

// selfMadeNote is said wherever figures of corruptions that were generated here stand
// beside a published reference: the published suites are fixed files, and other random
// numbers give other figures.
const selfMadeNote = "self-made corruptions; not comparable with published %s figures"

// storedNote is said where the corruptions were read from files: whether these are the
// published ones cannot be known here.
const storedNote = "corruptions as stored; comparable with published %s figures only if these are the published files"

// load reads a unit if it is there. One that is damaged is removed, so that it is done
// again.
func load(folder *store.Folder, event func(string), kind string, key store.Key, read func(in io.ReaderAt, size int64) error) (bool, error) {
	err := folder.Load(kind, key, read)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		event(err.Error() + ": it is done again")
		return false, folder.Remove(kind, key)
	}
	return true, nil
}

// builder makes the result of a plan from its units.
type builder struct {
	spec   *Spec
	folder *store.Folder
	event  func(string)
	ref    *metric.Reference // nil without one
	whole  bool              // every model has figures of the whole suite
	result *Result
}

// missingError says that a unit that a result needs is not there.
type missingError struct{ what string }

func (e *missingError) Error() string { return e.what + " is missing" }

func isMissing(err error) bool {
	_, ok := errors.AsType[*missingError](err)
	return ok
}

// newResult makes the result. It reads one variant's scores after the other.
func newResult(ctx context.Context, s *Spec, folder *store.Folder, event func(string)) (*Result, error) {
	b := &builder{spec: s, folder: folder, event: event, whole: true}
	b.result = &Result{Schema: s.Result, Suite: s.Settings.Suite, Order: s.Settings.Corruptions, Notes: []string{},
		NUnits: len(s.units()), Settings: s.Settings}
	if err := b.compare(); err != nil {
		return nil, err
	}
	var validated []Validated
	for v := range s.Variants {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m, val, err := b.model(v)
		if err != nil {
			return nil, err
		}
		b.result.Models = append(b.result.Models, m)
		validated = append(validated, val)
	}
	if b.ref != nil && !b.whole {
		b.note(fmt.Sprintf("only a part of %s was run; mOA, mCE and RmCE exist for the whole suite only", s.Settings.Suite))
	}
	b.result.Chosen = s.Settings.Choose.apply(validated)
	if c := b.result.Chosen; c != nil && c.OnTest {
		b.note(onTestNote)
	}
	return b.result, nil
}

func (b *builder) note(line string) {
	if !slices.Contains(b.result.Notes, line) {
		b.result.Notes = append(b.result.Notes, line)
	}
}

// compare finds what corruption errors are measured against, and says what the comparison
// is worth.
func (b *builder) compare() error {
	s := &b.spec.Settings
	if len(s.Corruptions) == 0 {
		return nil
	}
	ref, ok, err := lookupReference(s.Suite, s.Reference)
	if err != nil {
		return err
	}
	if !ok {
		b.note("there is no reference to measure the errors of these corruptions against")
		if !b.spec.Tests[0].Stored {
			b.note("self-made corruptions")
		}
		return nil
	}
	b.ref = &ref
	note := selfMadeNote
	if b.spec.Tests[0].Stored && !s.Tests[0].SelfMade {
		note = storedNote
	}
	note = fmt.Sprintf(note, ref.Title)
	b.result.Reference = &ReferenceResult{Name: ref.Name, Source: ref.Source, Note: note}
	b.note(note)
	return nil
}

// lookupReference returns the reference of that name, or the suite's own.
func lookupReference(suite, name string) (metric.Reference, bool, error) {
	ref, ok := metric.LookupReference(suite)
	return ref, ok, nil
}

// model makes the figures of a variant.
func (b *builder) model(v int) (*ModelResult, Validated, error) {
	s := b.spec
	m := &ModelResult{ID: s.Variants[v].ID, Params: s.Variants[v].Params}
	for i, p := range m.Params {
		if p.Name == alphaParam {
			m.Alpha = &m.Params[i].Value
		}
	}
	val, err := b.validation(m, v)
	if err != nil {
		return nil, val, err
	}
	for t := range s.Tests {
		tested, err := b.tested(m, v, t)
		if err != nil {
			return nil, val, err
		}
		if t == 0 {
			m.Tested = *tested
			continue
		}
		m.MoreTests = append(m.MoreTests, tested)
	}
	if s.Settings.Choose.OnTest {
		val.OA, val.Robust = m.Clean.OA, m.Tested.mean()
	}
	if !s.Settings.OwnHead {
		err = b.probe(m, v)
	}
	return m, val, err
}

// scores loads the predictions of a view.
func (b *builder) scores(v int, w view) (*Predictions, error) {
	var p *Predictions
	ok, err := load(b.folder, b.event, scoresUnit, b.spec.scores(v, w), func(in io.ReaderAt, size int64) (err error) {
		p, err = readPredictions(in, size)
		return err
	})
	if err == nil && !ok {
		err = &missingError{b.spec.Variants[v].ID + ": " + b.spec.name(w)}
	}
	return p, err
}

// validation sets what the choice is made by.
func (b *builder) validation(m *ModelResult, v int) (Validated, error) {
	s := b.spec
	val := Validated{ID: m.ID, Params: m.Params, OA: unknown, Robust: unknown}
	w := view{role: validation}
	if s.heldOut() {
		w.role = training
	} else if s.Settings.Val == nil {
		return val, nil
	}
	p, err := b.scores(v, w)
	if err != nil {
		return val, err
	}
	m.Validation = p.Score().brief()
	val.OA, val.N = m.Validation.OA, m.Validation.N
	if len(s.ValCells) == 0 {
		return val, nil
	}
	sum := 0.0
	for c := range s.ValCells {
		p, err := b.scores(v, view{role: corruptedValidation, cell: c})
		if err != nil {
			return val, err
		}
		sum += metric.Accuracy(p.Class, p.Y)
	}
	val.Robust = Number(sum / float64(len(s.ValCells)))
	m.ValidationRobustness = &val.Robust
	return val, nil
}

// tested makes the figures of a variant on a test set.
func (b *builder) tested(m *ModelResult, v, t int) (*Tested, error) {
	test := b.spec.Tests[t]
	res := &Tested{Name: test.Name, Corruptions: map[string]*CorruptionResult{}}
	for c, cell := range test.Cells {
		p, err := b.scores(v, view{role: onTest, test: t, cell: c})
		if err != nil {
			return nil, err
		}
		res.add(cell, p.Score().brief())
		m.ModelSHA256 = p.of.ModelSHA256
	}
	b.whole = res.summarize(b.ref) && b.whole
	return res, nil
}

// probe sets how the variant's probe was fitted, and says what is wrong with it.
func (b *builder) probe(m *ModelResult, v int) error {
	ok, err := load(b.folder, b.event, probeUnit, b.spec.probe(v), func(in io.ReaderAt, size int64) error {
		cl, err := probe.ReadClassifier(in, size)
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
		b.note(fmt.Sprintf("%s: the probe did not converge within %d iterations; gradient norm %.2g", m.ID, m.Probe.Iterations, m.Probe.GradientNorm))
	}
	if len(m.Probe.Unseen) > 0 && !m.Clean.NLL.Known() {
		b.note(fmt.Sprintf("%s: classes %v have no training sample, so the NLL is infinite (null)", m.ID, m.Probe.Unseen))
	}
	return nil
}

// add records the score of a test condition.
func (t *Tested) add(c Cell, score *Score) {
	if c.Corruption == "" {
		t.Clean = score
		return
	}
	res := t.Corruptions[c.Corruption]
	if res == nil {
		res = &CorruptionResult{OA: unknown, CE: unknown, RCE: unknown}
		for i := range res.OABySeverity {
			res.OABySeverity[i] = unknown
		}
		t.Corruptions[c.Corruption] = res
	}
	res.OABySeverity[c.Severity-1] = score.OA
	res.BySeverity[c.Severity-1] = score
}

// summarize sets the figures over severities and corruptions, and reports whether the
// suite was run whole. ref may be nil.
func (t *Tested) summarize(ref *metric.Reference) (whole bool) {
	t.MOA, t.MCE, t.RMCE = unknown, unknown, unknown
	t.Exact = Exact{unknown, unknown, unknown}
	bySeverity := make(map[string][]float64)
	for name, c := range t.Corruptions {
		oa := make([]float64, 0, metric.Severities)
		for _, v := range c.OABySeverity {
			oa = append(oa, float64(v))
		}
		bySeverity[name] = oa
		c.summarize(name, oa, float64(t.Clean.OA), ref)
	}
	if ref == nil {
		return false
	}
	official, err := ref.Official(float64(t.Clean.OA), bySeverity)
	if err != nil {
		return false
	}
	exact, err := ref.Exact(float64(t.Clean.OA), bySeverity)
	if err != nil {
		return false
	}
	t.MOA, t.MCE, t.RMCE = Number(official.MOA), Number(official.MCE), Number(official.RMCE)
	t.Exact = Exact{Number(exact.MOA), Number(exact.MCE), Number(exact.RMCE)}
	return true
}

// mean returns the mean accuracy over all corruptions and severities that were run.
func (t *Tested) mean() Number {
	sum, n := 0.0, 0
	for _, c := range t.Corruptions {
		for _, oa := range c.OABySeverity {
			if oa.Known() {
				sum, n = sum+float64(oa), n+1
			}
		}
	}
	return Number(sum / float64(n))
}

func (c *CorruptionResult) summarize(name string, oa []float64, clean float64, ref *metric.Reference) {
	if ref != nil {
		if mean, ce, rce, err := ref.OfficialCorruption(name, clean, oa); err == nil {
			c.OA, c.CE, c.RCE = Number(mean), Number(ce), Number(rce)
			return
		}
	}
	sum := 0.0
	for _, v := range oa {
		sum += v // NaN where a severity was not run, which leaves no mean
	}
	c.OA = Number(sum / metric.Severities)
}
