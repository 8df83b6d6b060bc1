package bench

import (
	"context"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/probe"
)

// headed is a variant whose model gives its features twice: the second time as the class scores of its own head.
type headed struct{ variant }

func (v headed) Model(ctx context.Context, tensor string) (Model, error) {
	m, err := v.variant.Model(ctx, tensor)
	m.Tensor, m.Scores = "twice", 3
	return m, err
}

// doubling is an engine whose models give every row twice for the tensor "twice".
type doubling struct{ *engine }

func (e doubling) Open(ctx context.Context, model probe.Source, tensor string, data datasets.Info) (probe.Extractor, error) {
	ex, err := e.engine.Open(ctx, model, tensor, data)
	if tensor != "twice" {
		return ex, err
	}
	return doubled{ex}, err
}

type doubled struct{ probe.Extractor }

func (d doubled) Extract(ctx context.Context, dst []float32, b probe.Batch) ([]float32, error) {
	rows, err := d.Extractor.Extract(ctx, nil, b)
	for i := 0; i < len(rows); i += 3 {
		dst = append(append(dst, rows[i:i+3]...), rows[i:i+3]...)
	}
	return dst, err
}

// withHeads returns a plan whose variants have their own heads.
func withHeads() Plan {
	plan := small()
	plan.Engine, plan.Heads, plan.Variants = doubling{&engine{}}, true, nil
	for _, a := range []float64{0, 0.5, 1} {
		plan.Variants = append(plan.Variants, headed{variant{alpha: a}})
	}
	return plan
}

// The own head is scored from the pass that gives the features: the probe's figures are those without it, the head's
// are those of a run that scores the head alone, and the barrier is that of its accuracies.
func TestOwnHeadBesideTheProbe(t *testing.T) {
	t.Parallel()
	plan := withHeads()
	got := mustRun(t, plan)
	passes := plan.Engine.(doubling).calls.Load()
	without := small()
	counted := &engine{}
	without.Engine = counted
	probes := mustRun(t, without)
	if n := counted.calls.Load(); passes != n {
		t.Errorf("%d passes, %d without the head", passes, n)
	}
	alone := small()
	alone.Train, alone.OwnHead = nil, true
	heads := mustRun(t, alone)
	for i, m := range got.Models {
		if asJSON(t, m.Tested) != asJSON(t, probes.Models[i].Tested) {
			t.Errorf("%s: the probe has %s", m.ID, asJSON(t, m.Tested))
		}
		if asJSON(t, m.OwnHead) != asJSON(t, heads.Models[i].Tested) {
			t.Errorf("%s: the head has %s, want %s", m.ID, asJSON(t, m.OwnHead), asJSON(t, heads.Models[i].Tested))
		}
	}
	if b := got.Barrier; b == nil || b.N != 45 || b.Interval[1] < b.Fall {
		t.Errorf("barrier %s", asJSON(t, b))
	}
	if probes.Barrier != nil || probes.Models[0].OwnHead != nil {
		t.Error("figures of heads that were not scored")
	}
}

// A folder with features but without scores of the head is completed, and a finished run needs no pass.
func TestOwnHeadIsAddedToARun(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	plan := withHeads()
	plan.Heads = false
	mustRunAt(t, plan, root)
	plan.Heads, plan.Replace = true, true
	out := mustRunAt(t, plan, root)
	if want := mustRun(t, withHeads()); asJSON(t, out.Result) != asJSON(t, want) {
		t.Errorf("got\n%s\nwant\n%s", asJSON(t, out.Result), asJSON(t, want))
	}
	plan.Engine = doubling{&engine{fail: 1}}
	if again := mustRunAt(t, plan, root); asJSON(t, again.Result) != asJSON(t, out.Result) {
		t.Error("the finished run gives another result")
	}
}

func TestNewBarrier(t *testing.T) {
	t.Parallel()
	yes, no := make([]bool, 500), make([]bool, 500)
	for i := range yes {
		yes[i] = true
	}
	for _, c := range []struct {
		verdict string
		alphas  []float64
		right   [][]bool
	}{
		{"not linearly connected", []float64{0, .5, 1}, [][]bool{yes, no, yes}},
		{"linearly connected", []float64{0, .5, 1}, [][]bool{yes, yes, yes}},
	} {
		if b := newBarrier(c.alphas, c.right); b == nil || b.Verdict != c.verdict {
			t.Errorf("%s: got %s", c.verdict, asJSON(t, b))
		}
	}
	for _, alphas := range [][]float64{{0, 1}, {0.1, 0.5, 1}, {0, 1, 0.5}} {
		if b := newBarrier(alphas, make([][]bool, len(alphas))); b != nil {
			t.Errorf("%v: got %s", alphas, asJSON(t, b))
		}
	}
}
