package fit

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit/internal/fittest"
)

// readBack returns a classifier as its file has it.
func readBack(t *testing.T, cl *Classifier) *Classifier {
	t.Helper()
	var b bytes.Buffer
	if err := cl.Write(&b); err != nil {
		t.Fatal(err)
	}
	read, err := ReadClassifier(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// logLoss returns C * sum(log loss) + 0.5 * ||W||^2 of a linear classifier.
func logLoss(cl *Classifier, f *feature.Set, c float64) float64 {
	k := len(cl.Classes)
	scores := make([]float64, f.Len()*k)
	cl.Scores(scores, f.X, f.Len())
	loss := 0.0
	for i, label := range f.Y {
		row, sum := scores[i*k:(i+1)*k], 0.0
		for _, s := range row {
			sum += math.Exp(s - row[label])
		}
		loss += c * math.Log(sum)
	}
	for _, w := range cl.Layers[0].W {
		loss += 0.5 * float64(w) * float64(w)
	}
	return loss
}

// Features far from 0 are exactly representable multiples of 1/16 here. The classifier's file has the objective and
// the accuracy of the report, which are those of the same features around 0.
func TestFileIsExactFarFromZero(t *testing.T) {
	t.Parallel()
	near := fittest.Blobs(120, 20, 3)
	for i := range near.X {
		near.X[i] = float32(math.Round(16*float64(near.X[i]))) / 16
	}
	far := &feature.Set{Dim: near.Dim, X: slices.Clone(near.X), Y: near.Y}
	for i := range far.X {
		far.X[i] += 1e6
	}
	_, want := mustFit(t, near, Options{})
	cl, report := mustFit(t, far, Options{})
	if d := report.Objective/want.Objective - 1; !(math.Abs(d) <= 1e-10) {
		t.Errorf("objective %v, near 0 %v", report.Objective, want.Objective)
	}
	// Weights are rounded to float32, which changes their penalty by up to 1e-7, and the loss less near its minimum.
	if got := logLoss(readBack(t, cl), far, DefaultC); !(math.Abs(got/report.Objective-1) <= 1e-8) {
		t.Errorf("the file has the objective %.10g, the report %.10g", got, report.Objective)
	}
	for _, solver := range solversOf(far) {
		if solver == "mlp" || solver == "svc-ovr" {
			continue // depend on the origin of the features
		}
		for _, standardize := range []bool{false, true} {
			opt := Options{Solver: solver, Standardize: standardize}
			_, want := mustFit(t, near, opt)
			cl, report := mustFit(t, far, opt)
			got, err := readBack(t, cl).accuracy(far)
			if err != nil {
				t.Fatal(err)
			}
			if got != want.TrainAccuracy || report.TrainAccuracy != want.TrainAccuracy {
				t.Errorf("%s, standardize %v: accuracy of the file %v, of the report %v, near 0 %v", solver, standardize, got,
					report.TrainAccuracy, want.TrainAccuracy)
			}
		}
	}
}

// A weight that float32 does not hold is an error of the fit, and not infinity in the file.
func TestFitRefusesFeaturesThatVaryTooLittle(t *testing.T) {
	t.Parallel()
	f := fittest.Blobs(60, 4, 3)
	for i := range f.Y {
		f.X[4*i+2] *= 1e-40
	}
	for _, solver := range solversOf(f) {
		_, _, err := Fit(t.Context(), f, Options{Solver: solver, Standardize: true, Epochs: 1})
		if fault.KindOf(err) != fault.Input || !strings.HasPrefix(err.Error(),
			"features of blobs: feature 2 varies so little that its weight exceeds float32") {
			t.Errorf("%s: got error %v", solver, err)
		}
		cl, _, err := Fit(t.Context(), f, Options{Solver: solver, Epochs: 1})
		if err != nil {
			t.Fatalf("%s without standardization: %v", solver, err)
		}
		readBack(t, cl)
	}
	_, err := Path(t.Context(), f, Options{Standardize: true}, PathOptions{Cs: []float64{1, 2}, Folds: 2})
	if fault.KindOf(err) != fault.Input {
		t.Errorf("path: got error %v", err)
	}
}
