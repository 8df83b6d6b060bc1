package probe

import (
	"os"
	"strconv"
	"testing"
)

// TestFitSpeed fits a file of features with options from the environment; scripts/bench/probe.py
// reads what it logs.
func TestFitSpeed(t *testing.T) {
	path := os.Getenv("F")
	if path == "" {
		t.Skip()
	}
	file, _ := os.Open(path)
	info, _ := file.Stat()
	f, err := ReadFeatures(file, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	c, _ := strconv.ParseFloat(os.Getenv("CC"), 64)
	tol, _ := strconv.ParseFloat(os.Getenv("TOL"), 64)
	it, _ := strconv.Atoi(os.Getenv("IT"))
	_, r, err := Fit(t.Context(), f, FitOptions{Solver: os.Getenv("SOLVER"), C: c, Tol: tol, MaxIter: it})
	t.Logf("%.10g iterations %d conv %v %.2fs acc %v err %v", r.Objective, r.Iterations, r.Converged, r.Seconds, r.TrainAccuracy, err)
}
