package fit

import (
	"math"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit/internal/fittest"
)

func TestFoldsAreStratified(t *testing.T) {
	t.Parallel()
	f := fittest.Blobs(103, 2, 4)
	fold := feature.Folds(f.Y, 5, 1)
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
	if !slices.Equal(fold, feature.Folds(f.Y, 5, 1)) || slices.Equal(fold, feature.Folds(f.Y, 5, 2)) {
		t.Error("folds do not follow the seed")
	}
	train, held := feature.SplitFold(f, 5, 2, 1)
	if train.Len()+held.Len() != 103 || held.Len() < 20 || held.Len() > 21 {
		t.Errorf("%d and %d samples", train.Len(), held.Len())
	}
}

// The classifier of a path equals a cold fit with the chosen C.
func TestFitPath(t *testing.T) {
	t.Parallel()
	f, val := fittest.Blobs(120, 8, 3), fittest.Blobs(60, 8, 3)
	for name, path := range map[string]PathOptions{"folds": {Folds: 3}, "validation": {Val: val}} {
		for _, solver := range []string{"logistic", "svc-ovr", "svc-ovo", "ridge"} {
			path.Cs = []float64{10, 1e-6, 0.1}
			opt := Options{Solver: solver}
			chosen, err := Path(t.Context(), f, opt, path)
			if err != nil {
				t.Fatal(err)
			}
			report, points := chosen.Report, chosen.Points
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

// Every fit of a path ends at the optimum of a cold fit, and a path takes fewer iterations than fits that each start
// from the optimum before.
func TestPathReachesEveryOptimum(t *testing.T) {
	t.Parallel()
	f := fittest.Blobs(400, 20, 5)
	cs := []float64{1e-4, 2e-4, 4e-4, 8e-4, 16e-4, 32e-4, 64e-4, 0.02, 0.021, 1, 2, 4}
	for _, solver := range []string{"logistic", "svc-ovr", "svc-ovo", "ridge"} {
		opt := Options{Solver: solver, Balanced: true}
		path, stepwise, apart := 0, 0, 0
		var before *Classifier
		err := fitAll(t.Context(), f, opt, cs, func(i int, cl *Classifier, sol *solution) error {
			cold := opt
			cold.C = cs[i]
			_, want := mustFit(t, f, cold)
			if gap := math.Abs(sol.objective/want.Objective - 1); !sol.converged || !(gap <= 1e-11) {
				t.Errorf("%s, C %g: objective %.14g, a cold fit's %.14g", solver, cs[i], sol.objective, want.Objective)
			}
			cold.Init = before
			_, step := mustFit(t, f, cold)
			path, stepwise, apart, before = path+sol.iterations, stepwise+step.Iterations, apart+want.Iterations, cl
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if solver == "logistic" && path > stepwise*9/10 {
			t.Errorf("%d iterations, %d from one optimum to the next", path, stepwise)
		}
		if solver == "svc-ovo" && path > apart*7/8 {
			t.Errorf("%d iterations, %d of cold fits", path, apart)
		}
	}
}

// On a path, ridge reads the rows once for their products, and once per fit for the objective.
func TestRidgePathReadsProductsOnce(t *testing.T) {
	t.Parallel()
	read := map[int]int{} // by the number of values of C
	for _, cs := range [][]float64{{1}, {1, 2}, {1, 2, 3}} {
		rows := &countedRows{Set: fittest.Blobs(100, 4, 3)}
		p, _, err := newProblem(t.Context(), rows, Options{C: 1, MaxIter: 1, Tol: 1})
		if err != nil {
			t.Fatal(err)
		}
		p.path = &pathState{}
		for _, c := range cs {
			p.setC(c)
			if _, err := fitRidge(t.Context(), p); err != nil {
				t.Fatal(err)
			}
		}
		read[len(cs)] = int(rows.n.Load())
	}
	// The first fit reads the rows for mean, products and objective, further fits for the objective.
	if read[1] != 300 || read[2] != 400 || read[3] != 500 {
		t.Errorf("rows read: %v", read)
	}
}

// countedRows counts the rows that are read.
type countedRows struct {
	*feature.Set
	n atomic.Int64
}

func (c *countedRows) Rows(buf []float32, lo, hi int) ([]float32, error) {
	c.n.Add(int64(hi - lo))
	return append(buf[:0], c.X[lo*c.Dim:hi*c.Dim]...), nil
}

// The last class has one sample, so that one of two folds has none of it.
func TestFitPathWithClassMissingFromFold(t *testing.T) {
	t.Parallel()
	f := fittest.Blobs(41, 4, 2)
	f.Y[40] = 2
	f.Meta.Data.Classes = nil
	chosen, err := Path(t.Context(), f, Options{}, PathOptions{Cs: []float64{1, 0.1, 1}, Folds: 2})
	if err != nil {
		t.Fatal(err)
	}
	cl, report, points := chosen.Classifier, chosen.Report, chosen.Points
	if len(points) != 2 || len(cl.Classes) != 3 || !report.Converged {
		t.Errorf("%d values of C, %d classes, %+v", len(points), len(cl.Classes), report)
	}
}

func TestFitPathErrors(t *testing.T) {
	t.Parallel()
	f := fittest.Blobs(12, 3, 2)
	for want, path := range map[string]PathOptions{
		"a path needs values of C":                     {Folds: 2},
		"a path needs either folds or validation data": {Cs: []float64{1}},
		"features of blobs: 13 folds of 12 samples; there must be at least 2 folds, and a sample for each": {
			Cs: []float64{1}, Folds: 13},
		"features of blobs: dimension 4, but the training data has 3": {
			Cs: []float64{1}, Val: fittest.Blobs(12, 4, 2)},
		"option C is -1, must be greater than 0": {Cs: []float64{-1}, Folds: 2},
	} {
		if _, err := Path(t.Context(), f, Options{}, path); err == nil || err.Error() != want {
			t.Errorf("got error %v, want %s", err, want)
		}
	}
}
