package wiseft

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/output"
	"github.com/wiseft/wiseft/internal/registry"
	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit"
)

// Whether a start is valid depends on the solver; the default solver is used if none is named.
func TestFitStart(t *testing.T) {
	dir := t.TempDir()
	features, cold := filepath.Join(dir, "features.npz"), filepath.Join(dir, "cold.npz")
	set := &feature.Set{Dim: 2, X: []float32{0, 1, 1, 0, 2, 1, 1, 2, 3, 0, 0, 3}, Y: []int64{0, 1, 1, 0, 1, 0}}
	if _, err := output.WriteFile(features, output.Options{}, set.Write); err != nil {
		t.Fatal(err)
	}
	if _, err := Fit(t.Context(), cold, features, FitOptions{}); err != nil {
		t.Fatal(err)
	}
	warm, err := Fit(t.Context(), filepath.Join(dir, "warm.npz"), features, FitOptions{Start: cold})
	if err != nil {
		t.Fatalf("the default solver refused a start: %v", err)
	}
	if warm.Iterations > 1 {
		t.Errorf("%d iterations from the optimum, want at most 1", warm.Iterations)
	}
	_, err = Fit(t.Context(), filepath.Join(dir, "ridge.npz"), features,
		FitOptions{Start: cold, Probe: fit.Options{Solver: "ridge"}})
	if want := "the solver ridge takes no start"; err == nil || err.Error() != want || fault.KindOf(err) != fault.Usage {
		t.Errorf("error %v of kind %v, want %q of kind %v", err, fault.KindOf(err), want, fault.Usage)
	}
	_, err = Fit(t.Context(), filepath.Join(dir, "none.npz"), features,
		FitOptions{Start: cold, Probe: fit.Options{Solver: "none"}})
	var unknown *registry.UnknownError
	if !errors.As(err, &unknown) {
		t.Errorf("error %v of an unknown solver, want a *registry.UnknownError", err)
	}
}
