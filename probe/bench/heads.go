package bench

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/bench/unit"
	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit"
	"github.com/wiseft/wiseft/probe/metric"
	"github.com/wiseft/wiseft/probe/store"
)

// checkHeads returns an error if heads cannot be fitted beside each other.
func (p *Plan) checkHeads() error {
	switch {
	case p.OwnHead && (len(p.Probes) > 0 || p.Start != nil):
		return fault.Usagef("the model's own head is scored without a probe")
	case p.WarmStart && p.Start != nil:
		return fault.Usagef("a fit starts from the alpha before or from a given head, not from both")
	}
	seen := map[string]bool{}
	for _, h := range p.Probes {
		if seen[h.Name] || h.Name == "" {
			return fault.Usagef("two heads are called %q", h.Name)
		}
		seen[h.Name] = true
	}
	return nil
}

// startKey returns the key under which a start is stored: the hash of its file; "" for nil.
func startKey(start *fit.Classifier) (string, error) {
	if start == nil {
		return "", nil
	}
	var file bytes.Buffer
	if err := start.Write(&file); err != nil {
		return "", err
	}
	sum := sha256.Sum256(file.Bytes())
	return hex.EncodeToString(sum[:]), nil
}

// headSettings returns the settings of further heads.
func headSettings(list []Probe) (out []result.ProbeSettings, err error) {
	for _, h := range list {
		s := result.ProbeSettings{Name: h.Name, Fit: recorded(h.Fit)}
		if s.Start, err = startKey(h.Start); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// saveStarts stores the classifiers at which fits start, so that the probes can be fitted without models.
func (r *run) saveStarts() error {
	starts := map[string]*fit.Classifier{r.spec.Settings.Start: r.plan.Start}
	for i, h := range r.plan.Probes {
		starts[r.spec.Settings.Probes[i].Start] = h.Start
	}
	for key, start := range starts {
		if start == nil || r.folder.Has(unit.Probe, store.Key(key)) {
			continue
		}
		if err := r.folder.Save(unit.Probe, store.Key(key), start.Write); err != nil {
			return err
		}
	}
	return nil
}

// furtherPending reports whether something of a further head that depends on the unit's features is missing.
func (r *run) furtherPending(u unit.Unit) bool {
	for h := range r.spec.Further(u.View) {
		kind, key := unit.Probe, r.spec.FurtherProbe(u.Variant, h)
		if u.View.Role != unit.Training {
			kind, key = unit.Scores, r.spec.FurtherScores(u.Variant, h, u.View)
		}
		if !r.folder.Has(kind, key) {
			return true
		}
	}
	return false
}

// fitFurther makes the further heads of a variant.
func (r *run) fitFurther(ctx context.Context, v int, f *feature.Set) error {
	for h, set := range r.spec.Settings.Probes {
		opt := set.Fit
		opt.Workers = r.plan.Fit.Workers
		key := r.spec.FurtherProbe(v, h)
		r.reportProgress(r.spec.Variants[v].ID + ": " + set.Name)
		if err := r.fitFromStored(ctx, key, v, f, opt, store.Key(set.Start)); err != nil {
			return err
		}
	}
	return nil
}

// scoreFurther scores the features of a unit by the further heads. If one is missing, it does nothing for that.
func (r *run) scoreFurther(u unit.Unit, f *feature.Set) error {
	for h := range r.spec.Further(u.View) {
		cl, err := r.probe(r.spec.FurtherProbe(u.Variant, h))
		if err != nil {
			return err
		}
		if cl == nil {
			continue
		}
		if err := r.saveScores(r.spec.FurtherScores(u.Variant, h, u.View), cl, f); err != nil {
			return err
		}
	}
	return nil
}

// furtherAnswers loads the answers of a variant on the first test set by a further head.
func (b *builder) furtherAnswers(v, h int) (*answers, error) {
	r := &answers{}
	for c := range b.spec.Tests[0].Cells {
		w := unit.View{Role: unit.OnTest, Cell: c}
		p, err := b.predictions(b.spec.FurtherScores(v, h, w), v, w)
		if err != nil {
			return nil, err
		}
		r.scores = append(r.scores, brief(p.Score()))
		r.right = append(r.right, metric.Right(p.Class, p.Y))
	}
	return r, nil
}

// furtherHeads sets the figures of the models' further heads.
func (b *builder) furtherHeads() error {
	whole := b.whole // the suite is whole by the figures of the first head
	defer func() { b.whole = whole }()
	for v, m := range b.result.Models {
		for h, set := range b.spec.Settings.Probes {
			r, err := b.furtherAnswers(v, h)
			if err != nil {
				return err
			}
			t := &result.HeadTested{Head: set.Name, Tested: *b.tested(0, r)}
			ok, err := loadUnit(b.folder, b.event, unit.Probe, b.spec.FurtherProbe(v, h), func(in io.ReaderAt, size int64) error {
				cl, err := fit.ReadClassifier(in, size)
				if err == nil {
					t.Probe = cl.Meta.Fit
				}
				return err
			})
			if err == nil && !ok {
				err = &missingError{m.ID + ": " + set.Name}
			}
			if err != nil {
				return err
			}
			m.Heads = append(m.Heads, t)
		}
	}
	return nil
}
