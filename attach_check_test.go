package wiseft

import (
	"math"
	"path/filepath"
	"testing"

	"github.com/wiseft/wiseft/probe/fit"
)

// fittedProbe returns the file of a probe on features of a model.
func fittedProbe(t *testing.T, model string, opt FeaturesOptions) string {
	t.Helper()
	dir := t.TempDir()
	features, probe := filepath.Join(dir, "f.npz"), filepath.Join(dir, "p.npz")
	if _, err := WriteFeatures(t.Context(), features, model, opt); err != nil {
		t.Fatal(err)
	}
	if _, err := Fit(t.Context(), probe, features, FitOptions{Probe: fit.Options{C: 1}}); err != nil {
		t.Fatal(err)
	}
	return probe
}

// attachedApart returns the largest difference between the scores of a model with an attached probe and those of the probe on
// the model's features.
func attachedApart(t *testing.T, attached, probe, model string, opt FeaturesOptions) float64 {
	t.Helper()
	cl, err := ReadClassifier(probe)
	if err != nil {
		t.Fatal(err)
	}
	f, err := ExtractFeatures(t.Context(), model, opt)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ExtractFeatures(t.Context(), attached, FeaturesOptions{Tensor: "scores", Data: opt.Data})
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float64, f.Len()*len(cl.Classes))
	cl.Scores(want, f.X, f.Len())
	if len(got.X) != len(want) {
		t.Fatalf("%d scores, want %d", len(got.X), len(want))
	}
	apart := 0.0
	for i, v := range want {
		apart = max(apart, math.Abs(v-float64(got.X[i])))
	}
	return apart
}
