package bench

import (
	"testing"

	"github.com/wiseft/wiseft/probe/fit"
)

// withFurther returns a plan with two further heads: one from zero, one from a start.
func withFurther(start *fit.Classifier) Plan {
	plan := small()
	plan.Probes = []Probe{{Name: "probe:ridge", Fit: fit.Options{Solver: "ridge"}},
		{Name: "probe:mlp:finetuned", Fit: fit.Options{Solver: "mlp", Hidden: []int{4}, Epochs: 2}, Start: start}}
	return plan
}

// startOf returns a network of four hidden units for the features of the fake engine.
func startOf(weight float32) *fit.Classifier {
	c := &fit.Classifier{Dim: 3, Classes: make([]string, 3), Layers: []fit.Layer{
		{W: make([]float32, 12), B: make([]float64, 4), Act: fit.ReLU}, {W: make([]float32, 12), B: make([]float64, 3)}}}
	for i := range 12 {
		c.Layers[0].W[i], c.Layers[1].W[i] = weight*float32(i%5), weight*float32(i%3)
	}
	return c
}

// Further heads have the figures of a run with that head alone, cost no pass, and start where they are told to.
func TestFurtherHeads(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	got := mustRunAt(t, withFurther(startOf(0.3)), root)
	for h, of := range withFurther(startOf(0.3)).Probes {
		alone := small()
		alone.Fit, alone.Start = of.Fit, of.Start
		want := mustRun(t, alone)
		for i, m := range got.Models {
			if m.Heads[h].Head != of.Name || asJSON(t, m.Heads[h].Tested) != asJSON(t, want.Models[i].Tested) {
				t.Errorf("%s, %s: %s, alone %s", m.ID, of.Name, asJSON(t, m.Heads[h].Clean), asJSON(t, want.Models[i].Clean))
			}
		}
	}
	if _, n := passes(t, withFurther(startOf(0.3)), root); n != 0 {
		t.Errorf("%d passes of a finished run", n)
	}
	if _, n := passes(t, withFurther(startOf(0.9)), t.TempDir()); n == 0 {
		t.Error("no passes")
	}
	other := withFurther(startOf(0.9))
	other.Replace = true
	again, n := passes(t, other, root)
	if n != 0 || asJSON(t, again.Models[0].Heads[1].Probe) == asJSON(t, got.Models[0].Heads[1].Probe) {
		t.Errorf("another start: %d passes, %s", n, asJSON(t, again.Models[0].Heads[1].Probe))
	}
	collected, err := Collect(t.Context(), folderAt(t, root, "collect"), nil)
	if err != nil || asJSON(t, collected.Result) != asJSON(t, again.Result) {
		t.Errorf("collected heads differ (%v)", err)
	}
}
