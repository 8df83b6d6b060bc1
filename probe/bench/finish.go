package bench

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/probe/metric"
)

const (
	schema = "wiseft.bench/1"

	// Rule is how alpha is chosen.
	Rule = "highest clean validation accuracy; ties go to the smaller alpha"

	// selfMadeNote is said wherever figures of corruptions that were generated here
	// stand beside a published reference: the published suites are fixed files, and other
	// random numbers give other figures.
	selfMadeNote = "self-made corruptions; not comparable with published %s figures"
)

// newResult describes the plan.
func newResult(ctx context.Context, p *Plan) (*Result, error) {
	settings, err := newSettings(ctx, p)
	if err != nil {
		return nil, err
	}
	res := &Result{Schema: schema, Suite: p.Suite, Order: settings.Corruptions, Notes: []string{}, Settings: *settings}
	if len(p.Corruptions) == 0 {
		return res, nil
	}
	if ref, ok := metric.LookupReference(p.Suite); ok {
		note := fmt.Sprintf(selfMadeNote, ref.Title)
		res.Reference = &ReferenceResult{Name: ref.Name, Source: ref.Source, Note: note}
		res.Notes = append(res.Notes, note)
		return res, nil
	}
	res.Notes = append(res.Notes, "self-made corruptions; there is no reference to measure their errors against")
	return res, nil
}

// newSettings describes what a result depends on. Test may be nil.
func newSettings(ctx context.Context, p *Plan) (*Settings, error) {
	s := &Settings{
		Wiseft: p.Version, Go: runtime.Version(), Runtime: p.Engine.Runtime(), Tensor: p.Tensor,
		Corruptions: p.Corruptions, Severities: p.Severities, Seed: p.Seed,
		Layout: p.Layout, Batch: p.Batch,
		Validation: fmt.Sprintf("a stratified %g %% of the training data, seed %d", 100*validationFraction, p.Seed),
	}
	if len(p.Corruptions) == 0 {
		s.Corruptions, s.Severities = []string{}, []int{}
	}
	if p.Val != nil {
		s.Validation = "data of its own"
	}
	for _, d := range []struct {
		dst  **DataResult
		data datasets.Dataset
	}{{&s.Train, p.Train}, {&s.Val, p.Val}, {&s.Test, p.Test}} {
		if d.data == nil {
			continue
		}
		var err error
		if *d.dst, err = dataResult(ctx, d.data); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// add records the score of a test condition.
func (m *ModelResult) add(c cell, score *Score) {
	if c.corruption == "" {
		m.Clean = score
		return
	}
	res := m.Corruptions[c.corruption]
	if res == nil {
		res = &CorruptionResult{OA: unknown, CE: unknown, RCE: unknown}
		for i := range res.OABySeverity {
			res.OABySeverity[i] = unknown
		}
		m.Corruptions[c.corruption] = res
	}
	res.OABySeverity[c.severity-1] = score.OA
	res.BySeverity[c.severity-1] = score
}

// finish computes what needs all cells, and chooses alpha.
func (r *run) finish() *Result {
	res := r.result
	ref, hasRef := metric.LookupReference(r.plan.Suite)
	whole := hasRef && len(r.plan.Corruptions) > 0
	for _, m := range res.Models {
		whole = m.summarize(ref, hasRef) && whole
		if !m.Probe.Converged {
			res.Notes = append(res.Notes, fmt.Sprintf(
				"%s: the probe did not converge within %d iterations; gradient norm %.2g", m.ID, m.Probe.Iterations, m.Probe.GradientNorm))
		}
		if len(m.Probe.Unseen) > 0 && !m.Clean.NLL.Known() {
			res.Notes = append(res.Notes, fmt.Sprintf(
				"%s: classes %v have no training sample, so the NLL is infinite (null)", m.ID, m.Probe.Unseen))
		}
	}
	if hasRef && len(r.plan.Corruptions) > 0 && !whole {
		res.Notes = append(res.Notes, fmt.Sprintf(
			"only a part of %s was run; mOA, mCE and RmCE exist for the whole suite only", r.plan.Suite))
	}
	p := res.Models[0].Probe
	res.Settings.Probe = ProbeSettings{Solver: p.Solver, C: p.C, Standardize: p.Standardize}
	res.Chosen = choose(res.Models)
	res.Seconds = time.Since(r.started).Seconds()
	return res
}

// summarize sets the figures over severities and corruptions, and reports whether the
// suite was run whole.
func (m *ModelResult) summarize(ref metric.Reference, hasRef bool) (whole bool) {
	m.MOA, m.MCE, m.RMCE = unknown, unknown, unknown
	m.Exact = Exact{unknown, unknown, unknown}
	bySeverity := make(map[string][]float64)
	for name, c := range m.Corruptions {
		oa := make([]float64, 0, metric.Severities)
		for _, v := range c.OABySeverity {
			oa = append(oa, float64(v))
		}
		bySeverity[name] = oa
		c.summarize(name, oa, float64(m.Clean.OA), ref, hasRef)
	}
	if !hasRef {
		return false
	}
	official, err := ref.Official(float64(m.Clean.OA), bySeverity)
	if err != nil {
		return false
	}
	exact, err := ref.Exact(float64(m.Clean.OA), bySeverity)
	if err != nil {
		return false
	}
	m.MOA, m.MCE, m.RMCE = Number(official.MOA), Number(official.MCE), Number(official.RMCE)
	m.Exact = Exact{Number(exact.MOA), Number(exact.MCE), Number(exact.RMCE)}
	return true
}

func (c *CorruptionResult) summarize(name string, oa []float64, clean float64, ref metric.Reference, hasRef bool) {
	if hasRef {
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

// choose applies [Rule] to the variants that are mixes.
func choose(models []*ModelResult) *Chosen {
	mixes := slices.DeleteFunc(slices.Clone(models), func(m *ModelResult) bool { return m.Alpha == nil })
	if len(mixes) == 0 {
		return nil
	}
	best := slices.MinFunc(mixes, func(a, b *ModelResult) int {
		return cmp.Or(cmp.Compare(b.Validation.OA, a.Validation.OA), cmp.Compare(*a.Alpha, *b.Alpha))
	})
	return &Chosen{ID: best.ID, Alpha: *best.Alpha, Rule: Rule, Validation: best.Validation.OA}
}
