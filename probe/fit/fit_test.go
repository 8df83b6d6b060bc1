package fit

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit/internal/fittest"
)

// solversOf returns the names of the solvers that fit as many classes as f has.
func solversOf(f *feature.Set) []string {
	return slices.DeleteFunc(SolverNames(), func(name string) bool {
		s, err := LookupSolver(name)
		return err != nil || s.Binary && slices.Max(f.Y) > 1
	})
}

func mustFit(t *testing.T, f *feature.Set, opt Options) (*Classifier, Report) {
	t.Helper()
	cl, report, err := Fit(t.Context(), f, opt)
	if err != nil {
		t.Fatal(err)
	}
	if !report.Converged {
		t.Fatalf("not converged: %+v", report)
	}
	return cl, report
}

func TestFitDoesNotDependOnWorkers(t *testing.T) {
	t.Parallel()
	f := fittest.Blobs(301, 70, 7)
	want, _ := mustFit(t, f, Options{Workers: 1})
	for _, workers := range []int{2, 3, 8} {
		got, _ := mustFit(t, f, Options{Workers: workers})
		if !slices.Equal(got.Layers[0].W, want.Layers[0].W) || !slices.Equal(got.Layers[0].B, want.Layers[0].B) {
			t.Errorf("%d workers give other weights than 1", workers)
		}
	}
}

func TestFitFromInitReachesSameOptimum(t *testing.T) {
	t.Parallel()
	f := fittest.Blobs(120, 10, 3)
	for _, standardize := range []bool{false, true} {
		cold, coldReport := mustFit(t, f, Options{Standardize: standardize})
		_, warmReport := mustFit(t, f, Options{Standardize: standardize, Init: cold})
		if gap := math.Abs(warmReport.Objective/coldReport.Objective - 1); !(gap <= 1e-10) {
			t.Errorf("standardize %v: warm start ends %.1e from the cold one", standardize, gap)
		}
		if warmReport.Iterations >= coldReport.Iterations/2 {
			t.Errorf("standardize %v: warm start needs %d iterations, the cold one %d",
				standardize, warmReport.Iterations, coldReport.Iterations)
		}
	}
}

// A start may have a mean over the classes, to which the loss is invariant: a squared-hinge probe, or a fine-tuned
// head.
func TestFitFromUnbalancedInit(t *testing.T) {
	t.Parallel()
	f := fittest.Blobs(400, 20, 5)
	for i := range f.X {
		f.X[i] *= 3
	}
	cold, report := mustFit(t, f, Options{})
	init := &Classifier{Dim: cold.Dim, Classes: cold.Classes,
		Layers: []Layer{{W: slices.Clone(cold.Layers[0].W), B: cold.Layers[0].B}}}
	for i := range init.Layers[0].W {
		init.Layers[0].W[i] += float32(i % cold.Dim)
	}
	if _, got := mustFit(t, f, Options{Init: init}); got.Iterations > report.Iterations/2 {
		t.Errorf("%d iterations from the shifted optimum, %d from zero", got.Iterations, report.Iterations)
	}
}

// Features that the fit standardizes and features that are standardized before give the same scores, up to the
// float32 rounding of weights and features.
func TestStandardizeIsFoldedIn(t *testing.T) {
	t.Parallel()
	f := fittest.Blobs(200, 6, 3)
	for i := range f.X {
		if i%f.Dim == 4 {
			f.X[i] *= 1000
		}
		if i%f.Dim == 5 {
			f.X[i] = 7 // constant
		}
	}
	scaled := &feature.Set{X: slices.Clone(f.X), Dim: f.Dim, Y: f.Y}
	for j := range f.Dim {
		sum, squares := 0.0, 0.0
		for i := range f.Len() {
			sum += float64(f.Row(i)[j])
		}
		mean := sum / float64(f.Len())
		for i := range f.Len() {
			squares += math.Pow(float64(f.Row(i)[j])-mean, 2)
		}
		dev := math.Sqrt(squares / float64(f.Len()))
		if dev == 0 {
			dev = 1
		}
		for i := range f.Len() {
			scaled.Row(i)[j] = float32((float64(f.Row(i)[j]) - mean) / dev)
		}
	}
	got, gotReport := mustFit(t, f, Options{Standardize: true})
	want, wantReport := mustFit(t, scaled, Options{})
	if gap := math.Abs(gotReport.Objective/wantReport.Objective - 1); !(gap <= 1e-6) {
		t.Errorf("objective: got %v, want %v", gotReport.Objective, wantReport.Objective)
	}
	gotScores, wantScores := make([]float64, 600), make([]float64, 600)
	got.Scores(gotScores, f.X, f.Len())
	want.Scores(wantScores, scaled.X, f.Len())
	for i := range gotScores {
		if !(math.Abs(gotScores[i]-wantScores[i]) <= 1e-4) {
			t.Fatalf("score %d: got %v, want %v", i, gotScores[i], wantScores[i])
		}
	}
}

func TestFitShapes(t *testing.T) {
	t.Parallel()
	constant := fittest.Blobs(30, 4, 3)
	for i := range constant.Y {
		constant.Row(i)[2] = 1e6
	}
	twice := fittest.Blobs(30, 4, 3)
	twice = &feature.Set{X: slices.Concat(twice.X, twice.X), Dim: 4, Y: slices.Concat(twice.Y, twice.Y)}
	zero := &feature.Set{X: make([]float32, 12), Dim: 2, Y: []int64{0, 1, 0, 1, 0, 0}}
	wide := fittest.Blobs(20, 2100, 3) // too many features for a full preconditioner
	for name, f := range map[string]*feature.Set{
		"fewer rows than features": fittest.Blobs(9, 60, 3), "constant feature": constant, "rows twice": twice,
		"all features zero": zero, "wide": wide, "one feature": fittest.Blobs(40, 1, 2),
	} {
		for _, solver := range solversOf(f) {
			for _, standardize := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/standardize=%v", name, solver, standardize), func(t *testing.T) {
					t.Parallel()
					cl, report := mustFit(t, f, Options{Solver: solver, Standardize: standardize, Hidden: []int{8},
						Epochs: 300, Balanced: true})
					if err := cl.checkFits(f.Dim, len(cl.Classes)); err != nil {
						t.Errorf("the classifier %v", err)
					}
					// A feature of 1e6 leaves little of the others in single precision, and how much differs between processors.
					rounded := solver == "mlp" && name == "constant feature" && !standardize
					if report.TrainAccuracy < 1./3 && !rounded {
						t.Errorf("train accuracy is %v", report.TrainAccuracy)
					}
				})
			}
		}
	}
}

// With constant features the optimum is known: the intercepts are the logarithms of the class shares.
func TestFitOfConstantFeaturesGivesPrior(t *testing.T) {
	t.Parallel()
	f := &feature.Set{X: make([]float32, 6), Dim: 1, Y: []int64{0, 1, 0, 1, 0, 0}}
	cl, _ := mustFit(t, f, Options{})
	if got, want := float64(cl.Layers[0].B[0]-cl.Layers[0].B[1]), math.Log(2); !(math.Abs(got-want) <= 1e-5) {
		t.Errorf("difference of intercepts: got %v, want %v", got, want)
	}
}

func TestFitUnseenClass(t *testing.T) {
	t.Parallel()
	f := fittest.Blobs(90, 5, 3)
	dense, _ := mustFit(t, f, Options{})
	for i, label := range f.Y {
		f.Y[i] = []int64{1, 2, 4}[label]
	}
	f.Meta.Data.Classes = []string{"a", "b", "c", "d", "e", "f"}
	cl, report := mustFit(t, f, Options{})
	if want := []int{0, 3, 5}; !slices.Equal(report.Unseen, want) || !slices.Equal(cl.Meta.Unseen, want) {
		t.Errorf("unseen: got %v and %v, want %v", report.Unseen, cl.Meta.Unseen, want)
	}
	for i, c := range []int{1, 2, 4} {
		if !slices.Equal(cl.Layers[0].W[c*5:c*5+5],
			dense.Layers[0].W[i*5:i*5+5]) || cl.Layers[0].B[c] != dense.Layers[0].B[i] {
			t.Errorf("class %d differs from the fit without gaps", c)
		}
	}
	if cl.Layers[0].B[3] != UnseenBias || slices.Contains(predict(cl, f), 3) {
		t.Errorf("unseen class: intercept %v", cl.Layers[0].B[3])
	}
	// For unseen classes a warm start is zero.
	if _, warm := mustFit(t, f, Options{Init: cl}); warm.Iterations > 2 {
		t.Errorf("warm start needs %d iterations", warm.Iterations)
	}
}

// The objective does not change if the same amount is added to all intercepts, so a warm start must not determine
// their sum.
func TestInterceptsSumToZero(t *testing.T) {
	t.Parallel()
	f := fittest.Blobs(60, 4, 3)
	init, _ := mustFit(t, f, Options{})
	for c := range init.Layers[0].B {
		init.Layers[0].B[c] += 1000
	}
	cl, _ := mustFit(t, f, Options{Init: init})
	if sum := cl.Layers[0].B[0] + cl.Layers[0].B[1] + cl.Layers[0].B[2]; !(math.Abs(float64(sum)) <= 1e-5) {
		t.Errorf("intercepts %v have the sum %v, want 0", cl.Layers[0].B, sum)
	}
}

// Every solver leaves out classes without samples, and never predicts them.
func TestEverySolverKnowsUnseenClasses(t *testing.T) {
	t.Parallel()
	f := fittest.Blobs(60, 5, 3)
	for i, label := range f.Y {
		f.Y[i] = []int64{1, 2, 4}[label]
	}
	f.Meta.Data.Classes = []string{"a", "b", "c", "d", "e", "f"}
	for _, solver := range solversOf(f) {
		cl, report := mustFit(t, f, Options{Solver: solver, Hidden: []int{8}, Epochs: 300})
		if want := []int{0, 3, 5}; !slices.Equal(report.Unseen, want) || !cl.Unseen(3) || cl.Unseen(2) {
			t.Errorf("%s: unseen %v", solver, report.Unseen)
		}
		for _, c := range predict(cl, f) {
			if c == 0 || c == 3 || c == 5 {
				t.Errorf("%s: predicts class %d", solver, c)
			}
		}
		if report.TrainAccuracy < 0.6 {
			t.Errorf("%s: train accuracy %v", solver, report.TrainAccuracy)
		}
	}
}

// A class weight of 2 equals having the rows of the class twice, for every solver that has an objective; svc-ovr
// weights positive rows only.
func TestClassWeights(t *testing.T) {
	t.Parallel()
	f := fittest.Blobs(60, 4, 3)
	twice := &feature.Set{Dim: 4, X: slices.Clone(f.X), Y: slices.Clone(f.Y)}
	for i, label := range f.Y {
		if label == 1 {
			twice.X, twice.Y = append(twice.X, f.Row(i)...), append(twice.Y, label)
		}
	}
	for _, solver := range []string{"logistic", "ridge", "svc-ovo"} {
		_, want := mustFit(t, twice, Options{Solver: solver})
		_, got := mustFit(t, f, Options{Solver: solver, ClassWeights: []float64{1, 2, 1}})
		if gap := math.Abs(got.Objective/want.Objective - 1); !(gap <= 2e-9) {
			t.Errorf("%s: objective: got %v, want %v", solver, got.Objective, want.Objective)
		}
	}
	if _, _, err := Fit(t.Context(), f, Options{ClassWeights: []float64{1, 0, 1}}); err == nil {
		t.Error("a weight of 0 is no error")
	}
}

func TestFitErrors(t *testing.T) {
	t.Parallel()
	good := fittest.Blobs(12, 3, 2)
	edit := func(edit func(f *feature.Set)) *feature.Set {
		f := &feature.Set{X: slices.Clone(good.X), Dim: good.Dim, Y: slices.Clone(good.Y), Meta: good.Meta}
		edit(f)
		return f
	}
	small, _ := mustFit(t, fittest.Blobs(12, 2, 2), Options{})
	deep, _ := mustFit(t, good, Options{Solver: "mlp", Hidden: []int{4}, Epochs: 1})
	tests := []struct {
		name string
		f    *feature.Set
		opt  Options
		want string
	}{
		{"no label", edit(func(f *feature.Set) { f.Y[3] = -1 }), Options{},
			"features of blobs: sample 3 has no label (-1); a probe needs labels from 0"},
		{"wild label", edit(func(f *feature.Set) { f.Y[3] = 1 << 40 }), Options{},
			"features of blobs: label 1099511627776 is beyond the 65536 classes that a probe can have"},
		{"one class", edit(func(f *feature.Set) { clear(f.Y) }), Options{},
			"features of blobs: all 12 samples are of class 0; a probe needs two classes"},
		{"NaN", edit(func(f *feature.Set) { f.X[7] = float32(math.NaN()) }), Options{},
			"features of blobs: feature 1 of sample 2 is NaN"},
		{"empty", &feature.Set{}, Options{}, "features: no samples"},
		{"short", edit(func(f *feature.Set) { f.X = f.X[:5] }), Options{},
			"features of blobs: 5 values for 12 samples of dimension 3"},
		{"solver", good, Options{Solver: "logistik"},
			`there is no solver "logistik"; there are: ` + strings.Join(SolverNames(), ", ")},
		{"C", good, Options{C: -1}, "option C is -1, must be greater than 0"},
		{"C NaN", good, Options{C: math.NaN()}, "option C is NaN, must be greater than 0"},
		{"init", good, Options{Init: small},
			"initial classifier: is for 2 classes and dimension 2, want 2 and 3"},
		{"init by mlp", good, Options{Init: deep}, "initial classifier: is of the solver mlp, want one linear layer"},
		{"svc-ovr init by mlp", good, Options{Solver: "svc-ovr", Init: deep},
			"initial classifier: is of the solver mlp, want one linear layer"},
		{"mlp init of two layers", good, Options{Solver: "mlp", Hidden: []int{4, 4}, Init: deep},
			"initial classifier: has 2 layers, the mlp 3"},
		{"mlp init of other sizes", good, Options{Solver: "mlp", Hidden: []int{5}, Init: deep},
			`initial classifier: layer 0 has 4 outputs and the activation "relu", the mlp 5 and "relu"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := Fit(t.Context(), tt.f, tt.opt)
			if err == nil || err.Error() != tt.want {
				t.Errorf("got error %v, want %s", err, tt.want)
			}
		})
	}
}

func TestFitSaysWhenItDidNotConverge(t *testing.T) {
	t.Parallel()
	_, report, err := Fit(t.Context(), fittest.Blobs(200, 20, 5), Options{MaxIter: 2})
	if err != nil {
		t.Fatal(err)
	}
	if report.Converged || !(report.GradientNorm > report.Tol*math.Sqrt(2*report.Objective)) {
		t.Errorf("after 2 iterations: %+v", report)
	}
}

func TestFitStopsWithContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := Fit(ctx, fittest.Blobs(200, 20, 5), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want %v", err, context.Canceled)
	}
}

func TestSolverRegistry(t *testing.T) {
	t.Parallel()
	s, err := LookupSolver(DefaultSolver)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(s.Doc, "0.5 * ||W||^2") {
		t.Errorf("doc does not say the objective: %s", s.Doc)
	}
}

func BenchmarkFit(b *testing.B) {
	f := fittest.Blobs(1000, 256, 10)
	for b.Loop() {
		if _, _, err := Fit(b.Context(), f, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
