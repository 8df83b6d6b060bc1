package probe

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/wiseft/wiseft/datasets/npy"
	"github.com/wiseft/wiseft/probe/metric"
)

const classifierSchema = "wiseft.classifier/1"

// UnseenBias is the intercept of a class that had no training sample. Its score stays
// below every other, its probability is 0, and it is a number that every float format
// but float16 holds exactly, so that no NaN can follow from it.
const UnseenBias = -0x1p100

// Classifier is a linear map from features to class scores: W x + b. Whatever scaling a
// solver used is folded in. It is read only once made, so concurrent use is safe.
type Classifier struct {
	W       []float32 // classes x Dim, row-major
	B       []float32 // one per class
	Dim     int
	Classes []string // names by class
	Meta    ClassifierMeta
}

// ClassifierMeta says what a classifier was fitted on, and how.
type ClassifierMeta struct {
	Schema      string  `json:"schema"`
	Tensor      string  `json:"tensor,omitempty"` // the output whose features it takes
	Solver      string  `json:"solver"`
	C           float64 `json:"C"`
	Standardize bool    `json:"standardize,omitempty"`
	Unseen      []int   `json:"unseen,omitempty"` // classes without a training sample
	Features    Meta    `json:"features"`         // of the training features
}

// Scores sets dst (n x classes) to the class scores of the n rows x. The sums are
// float64, in the order of the features.
func (cl *Classifier) Scores(dst []float64, x []float32, n int) {
	k := len(cl.B)
	if len(dst) != n*k || len(x) != n*cl.Dim {
		panic("probe: scores of slices that do not fit the classifier")
	}
	parallel(0, ceilDiv(n, rowsPerTask), func(task int) {
		for i := task * rowsPerTask; i < min((task+1)*rowsPerTask, n); i++ {
			row := x[i*cl.Dim : (i+1)*cl.Dim]
			for c := range k {
				dst[i*k+c] = float64(cl.B[c]) + dot32(cl.W[c*cl.Dim:(c+1)*cl.Dim], row)
			}
		}
	})
}

func dot32(w, x []float32) float64 {
	sum := 0.0
	for j, v := range w {
		sum += float64(v) * float64(x[j])
	}
	return sum
}

// Predict sets dst to the class of the highest score of each row of scores; of equal
// scores the first class wins.
func (cl *Classifier) Predict(dst []int64, scores []float64) {
	k := len(cl.B)
	for i := range dst {
		row := scores[i*k : (i+1)*k]
		top := 0
		for c, s := range row {
			if s > row[top] {
				top = c
			}
		}
		dst[i] = int64(top)
	}
}

// accuracy returns the share of f that is classified right.
func (cl *Classifier) accuracy(f *Features) float64 {
	scores, pred := make([]float64, f.Len()*len(cl.B)), make([]int64, f.Len())
	cl.Scores(scores, f.X, f.Len())
	cl.Predict(pred, scores)
	return metric.Accuracy(pred, f.Y)
}

// CheckScores returns an error unless the classifier can score f: the dimension fits,
// every sample has a label among the classes, and no feature is NaN or infinite.
func (cl *Classifier) CheckScores(f *Features) error {
	if err := f.check(); err != nil {
		return err
	}
	if f.Dim != cl.Dim {
		return InputErrorf("%s: dimension %d, but the probe was fitted on dimension %d", f.name(), f.Dim, cl.Dim)
	}
	for i, label := range f.Y {
		if label < 0 || label >= int64(len(cl.B)) {
			return InputErrorf("%s: sample %d has label %d, but the probe knows classes 0 to %d",
				f.name(), i, label, len(cl.B)-1)
		}
	}
	return nil
}

func (cl *Classifier) checkFits(dim, classes int) error {
	if cl.Dim != dim || len(cl.B) != classes || len(cl.W) != dim*classes {
		return fmt.Errorf("is for %d classes and dimension %d, want %d and %d", len(cl.B), cl.Dim, classes, dim)
	}
	if firstNonFinite(cl.W) >= 0 || firstNonFinite(cl.B) >= 0 {
		return fmt.Errorf("holds NaN or infinity")
	}
	return nil
}

// Write writes the classifier as an NPZ file with the arrays w (classes, dim) float32,
// b (classes,) float32, classes (classes,) text and meta, one JSON text. In Python:
//
//	z = numpy.load("p.npz"); scores = x @ z["w"].T + z["b"]
func (cl *Classifier) Write(w io.Writer) error {
	meta := cl.Meta
	meta.Schema = classifierSchema
	text, err := json.Marshal(meta)
	if err != nil {
		return err
	}
	z := npy.NewWriter(w)
	row := func(c int) ([]float32, error) { return cl.W[c*cl.Dim : (c+1)*cl.Dim], nil }
	if err := z.Float32Rows("w", len(cl.B), []int{cl.Dim}, row); err != nil {
		return err
	}
	entry := func(c int) ([]float32, error) { return cl.B[c : c+1], nil }
	if err := z.Float32Rows("b", len(cl.B), nil, entry); err != nil {
		return err
	}
	if err := z.Strings("classes", cl.Classes); err != nil {
		return err
	}
	if err := z.Strings("meta", []string{string(text)}); err != nil {
		return err
	}
	return z.Close()
}

// ReadClassifier reads what Write wrote. What is malformed is a [FormatError].
func ReadClassifier(r io.ReaderAt, size int64) (*Classifier, error) {
	cl, err := readClassifier(r, size)
	if err != nil {
		return nil, &FormatError{"classifier", err.Error()}
	}
	return cl, nil
}

func readClassifier(r io.ReaderAt, size int64) (*Classifier, error) {
	z, err := npy.Open(r, size)
	if err != nil {
		return nil, err
	}
	cl := &Classifier{}
	var head *npy.Header
	if cl.W, head, err = z.Float32s("w"); err != nil {
		return nil, err
	}
	if len(head.Shape) != 2 || head.Shape[0] < 2 || head.Shape[1] == 0 {
		return nil, fmt.Errorf("array \"w\" has shape %v, want (classes, dim)", head.Shape)
	}
	cl.Dim = head.Shape[1]
	if cl.B, _, err = z.Float32s("b"); err != nil {
		return nil, err
	}
	if cl.Classes, _, err = z.Strings("classes"); err != nil {
		return nil, err
	}
	if len(cl.Classes) != len(cl.B) {
		return nil, fmt.Errorf("%d intercepts, but %d class names", len(cl.B), len(cl.Classes))
	}
	if err := cl.checkFits(cl.Dim, head.Shape[0]); err != nil {
		return nil, err
	}
	if err := readMeta(z, &cl.Meta); err != nil {
		return nil, err
	}
	return cl, checkSchema(cl.Meta.Schema, classifierSchema)
}
