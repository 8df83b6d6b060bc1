package fit

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/wiseft/wiseft/datasets/npy"
	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/scripts/sharedtest"
	"gonum.org/v1/gonum/floats"
)

// oracleCase is a stored optimum, found in float64 by Newton's method.
type oracleCase struct {
	Key       string `json:"key"`
	Data      string `json:"data"`
	Model     string `json:"model"`
	Objective any    `json:"objective_at_optimum"` // a list for other models
	Optimum   *struct {
		Objective []float64 `json:"primal_objective"`
	} `json:"optimum_float64"` // of SVC, one per pair
	Params struct {
		C          float64 `json:"C"`
		MultiClass string  `json:"multi_class"`
	} `json:"params"`
}

// solver names our solver for the model of a case. "auto" on two classes is the binary model.
func (c oracleCase) solver() string {
	if c.Params.MultiClass == "auto" {
		return "logistic-binary"
	}
	return map[string]string{"LogisticRegression": "logistic", "LinearSVC": "svc-ovr", "SVC": "svc-ovo"}[c.Model]
}

// total returns the stored objective, summed over the problems that it has.
func (c oracleCase) total() float64 {
	if c.Optimum != nil {
		return floats.Sum(c.Optimum.Objective)
	}
	list, ok := c.Objective.([]any)
	if !ok {
		return c.Objective.(float64)
	}
	sum := 0.0
	for _, v := range list {
		sum += v.(float64)
	}
	return sum
}

func TestSolversReachStoredOptima(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(sharedtest.Path(t, "oracles", "probe", "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list struct{ Cases []oracleCase }
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, c := range list.Cases {
		if c.Objective == nil && c.Optimum == nil {
			continue
		}
		ran++
		t.Run(c.Data+"/"+c.Key, func(t *testing.T) {
			t.Parallel()
			checkOracle(t, c)
		})
	}
	if ran == 0 {
		t.Fatal("no case ran")
	}
}

func checkOracle(t *testing.T, c oracleCase) {
	train, test := readOracle(t, c.Data, "train"), readOracle(t, c.Data, "test")
	want := oracleArchive(t, "solutions_"+c.Data+".npz")
	wantPred, _, err := want.Int64s(c.Key + ".optimum_pred_test")
	if err != nil {
		t.Fatal(err)
	}
	cl, report, err := Fit(t.Context(), train, Options{Solver: c.solver(), C: c.Params.C})
	if err != nil {
		t.Fatal(err)
	}
	if !report.Converged {
		t.Errorf("not converged: %+v", report)
	}
	best := c.total()
	if c.Data == "binary" && c.Model == "LinearSVC" {
		best *= 2 // one problem in scikit-learn, and its mirror image here
	}
	// With Tol 1e-6 the objective is within 1e-12 of the optimum; the rest of the bound is for the float32 weights.
	gap := (report.Objective - best) / best
	if !(math.Abs(gap) <= objectiveBound(c.solver())) {
		t.Errorf("objective: got %v, want %v, relative gap %.1e", report.Objective, best, gap)
	}
	switch c.solver() {
	case "logistic":
		checkRounded(t, cl, train, c.Params.C, best)
	case "logistic-binary":
		checkRounded(t, cl, train, c.Params.C/2, best/2)
	}
	t.Logf("gap %.1e, %d iterations, gradient %.1e, %.3f s", gap, report.Iterations, report.GradientNorm, report.Seconds)
	if got := predict(cl, test); !slices.Equal(got, wantPred) {
		t.Errorf("predictions: got %v, want %v", got, wantPred)
	}
}

// checkRounded computes the objective of the float32 weights that are stored.
func checkRounded(t *testing.T, cl *Classifier, train *feature.Set, c, best float64) {
	t.Helper()
	rounded := objective(cl, train, c)
	if roundedGap := (rounded - best) / best; !(math.Abs(roundedGap) <= 1e-9) {
		t.Errorf("objective of float32 weights: got %v, want %v, relative gap %.1e", rounded, best, roundedGap)
	}
}

// objective computes scikit-learn's objective from its definition.
func objective(cl *Classifier, f *feature.Set, c float64) float64 {
	k := len(cl.Classes)
	scores := make([]float64, f.Len()*k)
	cl.Scores(scores, f.X, f.Len())
	sum := 0.0
	for i, label := range f.Y {
		row := scores[i*k : (i+1)*k]
		top, z := slices.Max(row), 0.0
		for _, s := range row {
			z += math.Exp(s - top)
		}
		sum += math.Log(z) + top - row[label]
	}
	sum *= c
	for _, w := range cl.Layers[0].W {
		sum += 0.5 * float64(w) * float64(w)
	}
	return sum
}

func predict(cl *Classifier, f *feature.Set) []int64 {
	scores, pred := make([]float64, f.Len()*len(cl.Classes)), make([]int64, f.Len())
	cl.Scores(scores, f.X, f.Len())
	cl.Predict(pred, scores)
	return pred
}

func oracleArchive(t *testing.T, name string) *npy.Archive {
	t.Helper()
	file, err := os.Open(sharedtest.Path(t, "oracles", "probe", name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	z, err := npy.Open(file, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// readOracle reads a part of a data set. "binary" keeps the labels 2 and 7, so that it covers classes without
// samples, too.
func readOracle(t *testing.T, data, split string) *feature.Set {
	t.Helper()
	z := oracleArchive(t, "data_"+data+".npz")
	x, head, err := z.Float32s("X_" + split)
	if err != nil {
		t.Fatal(err)
	}
	y, _, err := z.Int64s("y_" + split)
	if err != nil {
		t.Fatal(err)
	}
	return &feature.Set{X: x, Dim: head.Shape[1], Y: y}
}
