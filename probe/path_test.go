package probe

import (
	"math"
	"slices"
	"testing"
)

func TestFoldsAreStratified(t *testing.T) {
	t.Parallel()
	f := blobs(103, 2, 4)
	fold := Folds(f.Y, 5, 1)
	count := map[[2]int]int{}
	for i, at := range fold {
		count[[2]int{int(f.Y[i]), at}]++
	}
	for class := range 4 {
		for at := range 5 {
			if n := count[[2]int{class, at}]; n < 5 || n > 6 {
				t.Errorf("fold %d has %d samples of class %d, want 5 or 6", at, n, class)
			}
		}
	}
	if !slices.Equal(fold, Folds(f.Y, 5, 1)) || slices.Equal(fold, Folds(f.Y, 5, 2)) {
		t.Error("folds do not follow the seed")
	}
	train, held := SplitFold(f, 5, 2, 1)
	if train.Len()+held.Len() != 103 || held.Len() < 20 || held.Len() > 21 {
		t.Errorf("%d and %d samples", train.Len(), held.Len())
	}
}

// The path's classifier is that of a cold fit with the chosen C.
func TestFitPath(t *testing.T) {
	t.Parallel()
	f, val := blobs(120, 8, 3), blobs(60, 8, 3)
	for name, path := range map[string]PathOptions{"folds": {Folds: 3}, "validation": {Val: val}} {
		for _, solver := range []string{"logistic", "svc-ovr", "ridge"} {
			path.Cs = []float64{10, 1e-6, 0.1}
			opt := FitOptions{Solver: solver}
			_, report, points, err := FitPath(t.Context(), f, opt, path)
			if err != nil {
				t.Fatal(err)
			}
			best := slices.MaxFunc(points, func(a, b PathPoint) int {
				if a.Accuracy != b.Accuracy {
					return int(math.Copysign(1, a.Accuracy-b.Accuracy))
				}
				return int(math.Copysign(1, b.C-a.C))
			})
			if report.C != best.C || points[0].C != 1e-6 {
				t.Errorf("%s, %s: chose %v of %+v", name, solver, report.C, points)
			}
			opt.C = report.C
			_, cold := mustFit(t, f, opt)
			if gap := math.Abs(cold.Objective/report.Objective - 1); !(gap <= 1e-11) {
				t.Errorf("%s, %s: objective %v, a cold fit's %v", name, solver, report.Objective, cold.Objective)
			}
		}
	}
}

func TestFitPathErrors(t *testing.T) {
	t.Parallel()
	f := blobs(12, 3, 2)
	for want, path := range map[string]PathOptions{
		"a path needs values of C":                     {Folds: 2},
		"a path needs either folds or validation data": {Cs: []float64{1}},
		"features of blobs: 13 folds of 12 samples; there must be at least 2 folds, and a sample for each": {Cs: []float64{1}, Folds: 13},
		"features of blobs: dimension 4, but the training data has 3":                                      {Cs: []float64{1}, Val: blobs(12, 4, 2)},
		"option C is -1, must be greater than 0":                                                           {Cs: []float64{-1}, Folds: 2},
	} {
		if _, _, _, err := FitPath(t.Context(), f, FitOptions{}, path); err == nil || err.Error() != want {
			t.Errorf("got error %v, want %s", err, want)
		}
	}
}
