package fit

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/wiseft/wiseft/datasets/npy"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit/internal/scaled"
	"github.com/wiseft/wiseft/probe/internal/npz"
	"gonum.org/v1/gonum/floats"
)

const classifierSchema = "wiseft.classifier/1"

// UnseenBias is the intercept of a class that had no training sample: its score stays below every other and its
// probability is 0. Every float format but float16 holds it exactly, so that no NaN can result from it.
const UnseenBias = -0x1p100

// Classifier maps features to class scores: by layers, of which a linear probe has one, or by the nearest training
// samples. Scaling that a solver used is folded into the weights. A Classifier is not changed after it was made, so
// concurrent use is safe.
type Classifier struct {
	Layers    []Layer    // applied in order; the last has one output per class
	Neighbors *Neighbors // instead of layers, for the solver knn
	Dim       int
	Classes   []string // names by class
	// Mean is the mean of the training features, one value per feature; nil = unknown. Scores do not depend on it,
	// but float32 sums of features minus their mean lose fewer digits.
	Mean []float32
	Meta Meta
}

// Linear reports whether the scores are W x + B of one layer.
func (cl *Classifier) Linear() bool { return len(cl.Layers) == 1 && cl.Layers[0].Act == Identity }

// Unseen reports whether a class had no training sample, and so is never predicted.
func (cl *Classifier) Unseen(class int) bool {
	if cl.Neighbors != nil {
		return slices.Contains(cl.Meta.Unseen, class)
	}
	return cl.Layers[len(cl.Layers)-1].B[class] == UnseenBias
}

// Meta describes what a classifier was fitted on, and how.
type Meta struct {
	Schema      string  `json:"schema"`
	Tensor      string  `json:"tensor,omitempty"` // the output whose features it takes
	Solver      string  `json:"solver"`
	C           float64 `json:"C"`
	Standardize bool    `json:"standardize,omitempty"`
	Unseen      []int   `json:"unseen,omitempty"` // classes without a training sample
	// Fit is the report of the fit; nil = not recorded.
	Fit *Report `json:"fit,omitempty"`
	// Hidden are the activations of the layers before the last; Write sets it.
	Hidden   []Activation `json:"hidden,omitempty"`
	Features feature.Meta `json:"features"` // of the training features
}

// Scores sets dst (n x classes) to the class scores of the n rows x. The sums are
// float64, in an order that depends on the sizes alone.
func (cl *Classifier) Scores(dst []float64, x []float32, n int) {
	k := len(cl.Classes)
	if len(dst) != n*k || len(x) != n*cl.Dim {
		panic("probe: scores of slices that do not fit the classifier")
	}
	score := cl.scorer()
	scaled.Parallel(0, scaled.CeilDiv(n, scaled.BlockRows), func(task int) {
		lo, hi := task*scaled.BlockRows, min((task+1)*scaled.BlockRows, n)
		score(dst[lo*k:hi*k], x[lo*cl.Dim:hi*cl.Dim], hi-lo)
	})
}

// scorer returns a function that scores a few rows; it may be called concurrently.
func (cl *Classifier) scorer() func(dst []float64, x []float32, n int) {
	if cl.Neighbors != nil {
		return cl.Neighbors.scorer(len(cl.Classes))
	}
	layers := padLayers(cl.Layers)
	return func(dst []float64, x []float32, n int) { forward(dst, layers, x, n) }
}

// Predict sets dst to the class of the highest score of each row of scores; of equal
// scores the first class wins.
func (cl *Classifier) Predict(dst []int64, scores []float64) {
	k := len(cl.Classes)
	for i := range dst {
		dst[i] = int64(floats.MaxIdx(scores[i*k : (i+1)*k]))
	}
}

// accuracy returns the share of the rows that is classified correctly.
func (cl *Classifier) accuracy(t feature.Table) (float64, error) {
	y, k := t.Labels(), len(cl.Classes)
	right, errs := make([]int, scaled.CeilDiv(len(y), scaled.BlockRows)), make([]error,
		scaled.CeilDiv(len(y), scaled.BlockRows))
	score := cl.scorer()
	scaled.Parallel(0, len(right), func(task int) {
		lo, hi := task*scaled.BlockRows, min((task+1)*scaled.BlockRows, len(y))
		x, err := t.Rows(nil, lo, hi)
		if err != nil {
			errs[task] = err
			return
		}
		scores, pred := make([]float64, (hi-lo)*k), make([]int64, hi-lo)
		score(scores, x, hi-lo)
		cl.Predict(pred, scores)
		for i, c := range pred {
			if c == y[lo+i] {
				right[task]++
			}
		}
	})
	total := 0
	for _, n := range right {
		total += n
	}
	return float64(total) / float64(len(y)), errors.Join(errs...)
}

// CheckScores returns an error of kind Input unless the classifier can score f: the dimension is the classifier's,
// every sample has a label among the classes, and no feature is NaN or infinite.
func (cl *Classifier) CheckScores(f *feature.Set) error {
	if err := feature.Check(f); err != nil {
		return err
	}
	if f.Dim != cl.Dim {
		return fault.Inputf("%s: dimension %d, but the probe was fitted on dimension %d", feature.Name(f), f.Dim, cl.Dim)
	}
	for i, label := range f.Y {
		if label < 0 || label >= int64(len(cl.Classes)) {
			return fault.Inputf("%s: sample %d has label %d, but the probe has classes 0 to %d",
				feature.Name(f), i, label, len(cl.Classes)-1)
		}
	}
	return nil
}

func (cl *Classifier) checkFits(dim, classes int) error {
	if cl.Dim != dim || len(cl.Classes) != classes {
		return fmt.Errorf("is for %d classes and dimension %d, want %d and %d", len(cl.Classes), cl.Dim, classes, dim)
	}
	if cl.Neighbors != nil {
		return cl.Neighbors.check(dim, classes)
	}
	if cl.Mean != nil && len(cl.Mean) != dim || npz.FirstNonFinite(cl.Mean) >= 0 {
		return fmt.Errorf("has %d means for dimension %d, or NaN or infinity among them", len(cl.Mean), dim)
	}
	if len(cl.Layers) == 0 || len(cl.Layers[len(cl.Layers)-1].B) != classes {
		return fmt.Errorf("has no layer of %d outputs", classes)
	}
	inputs := dim
	for i, l := range cl.Layers {
		if err := l.check(inputs); err != nil {
			return fmt.Errorf("layer %d %w", i, err)
		}
		inputs = len(l.B)
	}
	return nil
}

// Write writes the classifier as an NPZ file. A linear one has the arrays w (classes, dim)
// float32, b (classes,) float64, classes (classes,) text and meta, one JSON text. In
// Python:
//
//	z = numpy.load("p.npz"); scores = x @ z["w"].T + z["b"]
//
// Layers before the last are w0, b0, w1, b1 and so on, their activations in meta; mean
// (dim,) is that of the training features; neighbours are x (samples, dim) and y
// (samples,).
func (cl *Classifier) Write(w io.Writer) error {
	meta := cl.Meta
	meta.Schema = classifierSchema
	for _, l := range cl.Layers[:max(0, len(cl.Layers)-1)] {
		meta.Hidden = append(meta.Hidden, l.Act)
	}
	text, err := json.Marshal(meta)
	if err != nil {
		return err
	}
	z := npy.NewWriter(w)
	for i, l := range cl.Layers {
		if err := l.write(z, layerSuffix(i, len(cl.Layers))); err != nil {
			return err
		}
	}
	if cl.Neighbors != nil {
		if err := cl.Neighbors.write(z); err != nil {
			return err
		}
	} else if cl.Mean != nil {
		if err := z.Float32Rows("mean", len(cl.Mean), nil,
			func(i int) ([]float32, error) { return cl.Mean[i : i+1], nil }); err != nil {
			return err
		}
	}
	if err := z.Strings("classes", cl.Classes); err != nil {
		return err
	}
	if err := z.Strings("meta", []string{string(text)}); err != nil {
		return err
	}
	return z.Close()
}

// layerSuffix returns what the names of a layer's arrays end in.
func layerSuffix(i, layers int) string {
	if i == layers-1 {
		return ""
	}
	return strconv.Itoa(i)
}

func (l Layer) write(z *npy.Writer, suffix string) error {
	in := l.Inputs()
	row := func(c int) ([]float32, error) { return l.W[c*in : (c+1)*in], nil }
	if err := z.Float32Rows("w"+suffix, len(l.B), []int{in}, row); err != nil {
		return err
	}
	return z.Float64s("b"+suffix, l.B)
}

// ReadClassifier reads what [Classifier.Write] wrote. A malformed file is a [feature.FormatError].
func ReadClassifier(r io.ReaderAt, size int64) (*Classifier, error) {
	cl, err := readClassifier(r, size)
	if err != nil {
		return nil, &feature.FormatError{What: "classifier", Reason: err.Error()}
	}
	return cl, nil
}

func readClassifier(r io.ReaderAt, size int64) (*Classifier, error) {
	z, err := npy.Open(r, size)
	if err != nil {
		return nil, err
	}
	cl := &Classifier{}
	if !z.Has("w") && z.Has("y") && z.Has("classes") {
		cl.Neighbors, err = readNeighbors(z)
	} else {
		err = cl.readLast(z)
	}
	if err != nil {
		return nil, err
	}
	if cl.Classes, _, err = z.Strings("classes"); err != nil {
		return nil, err
	}
	if err := npz.ReadMeta(z, &cl.Meta); err != nil {
		return nil, err
	}
	if err := npz.CheckSchema(cl.Meta.Schema, classifierSchema); err != nil {
		return nil, err
	}
	if err := cl.readHidden(z); err != nil {
		return nil, err
	}
	return cl, cl.checkFits(cl.Dim, len(cl.Classes))
}

func (cl *Classifier) readLast(z *npy.Archive) error {
	l, err := readLayer(z, "")
	cl.Layers = []Layer{l}
	if err == nil && z.Has("mean") {
		cl.Mean, _, err = z.Float32s("mean")
	}
	return err
}

// readHidden reads the layers before the last, and sets the dimension.
func (cl *Classifier) readHidden(z *npy.Archive) error {
	if cl.Neighbors != nil {
		cl.Dim = cl.Neighbors.dim
		return nil
	}
	var hidden []Layer
	for i, act := range cl.Meta.Hidden {
		l, err := readLayer(z, strconv.Itoa(i))
		if err != nil {
			return err
		}
		l.Act = act
		hidden = append(hidden, l)
	}
	cl.Meta.Hidden = nil
	cl.Layers = append(hidden, cl.Layers...)
	cl.Dim = cl.Layers[0].Inputs()
	return nil
}

func readLayer(z *npy.Archive, suffix string) (l Layer, err error) {
	var head *npy.Header
	if l.W, head, err = z.Float32s("w" + suffix); err != nil {
		return l, err
	}
	if len(head.Shape) != 2 || head.Shape[0] == 0 || head.Shape[1] == 0 {
		return l, fmt.Errorf("array %q has shape %v, want (outputs, inputs)", "w"+suffix, head.Shape)
	}
	if l.B, _, err = z.Float64s("b" + suffix); err != nil {
		return l, err
	}
	if len(l.B) != head.Shape[0] {
		return l, fmt.Errorf("%d intercepts, but %d rows of weights", len(l.B), head.Shape[0])
	}
	return l, nil
}
