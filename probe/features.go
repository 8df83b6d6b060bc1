package probe

import (
	"encoding/json"
	"fmt"
	"io"
	"math"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/npy"
)

const featuresSchema = "wiseft.features/1"

// Meta says what produced features. Everything that can change them is in it.
type Meta struct {
	Schema string `json:"schema"`
	Wiseft string `json:"wiseft,omitempty"` // version of this program

	Model       string `json:"model,omitempty"`        // as the user named it
	ModelSHA256 string `json:"model_sha256,omitempty"` // of the ONNX bytes that ran
	Tensor      string `json:"tensor,omitempty"`       // the output that was extracted
	Runtime     string `json:"runtime,omitempty"`      // as Engine.Runtime says

	// Data describes the samples; its history lists preprocessing and corruption.
	Data     datasets.Info `json:"data"`
	DataHash string        `json:"data_hash,omitempty"` // as Dataset.Hash says

	Layout Layout `json:"layout,omitempty"` // of the points; "" where samples are no clouds
	Batch  int    `json:"batch"`
}

// Features are the rows that a model computed for samples, with their labels.
type Features struct {
	X    []float32 // n x Dim, row-major
	Dim  int
	Y    []int64 // labels; datasets.NoLabel where unknown
	Meta Meta
}

// Len returns the number of samples.
func (f *Features) Len() int { return len(f.Y) }

// Row returns the features of sample i, which stay f's.
func (f *Features) Row(i int) []float32 { return f.X[i*f.Dim : (i+1)*f.Dim] }

// Subset returns a copy of the rows idx, in that order. why is added to the data's
// history.
func (f *Features) Subset(idx []int, why string) *Features {
	sub := &Features{
		X: make([]float32, 0, len(idx)*f.Dim), Dim: f.Dim, Y: make([]int64, 0, len(idx)), Meta: f.Meta,
	}
	sub.Meta.Data.History = append(f.Meta.Data.History[:len(f.Meta.Data.History):len(f.Meta.Data.History)], why)
	sub.Meta.DataHash = ""
	for _, i := range idx {
		sub.X = append(sub.X, f.Row(i)...)
		sub.Y = append(sub.Y, f.Y[i])
	}
	return sub
}

// name is what errors call the features.
func (f *Features) name() string { return nameOf(f) }

func nameOf(t Table) string {
	if name := t.Info().Data.Name; name != "" {
		return "features of " + name
	}
	return "features"
}

// checkTable refuses features that no solver can use. Those in a file are checked for
// NaN and infinity whenever they are read.
func checkTable(t Table) error {
	if f, ok := t.(*Features); ok {
		return f.check()
	}
	if t.Len() == 0 || t.Width() <= 0 {
		return InputErrorf("%s: no samples", nameOf(t))
	}
	return nil
}

// check refuses features that no solver can use.
func (f *Features) check() error {
	if f.Len() == 0 || f.Dim <= 0 {
		return InputErrorf("%s: no samples", f.name())
	}
	if len(f.X) != f.Len()*f.Dim {
		return fmt.Errorf("%s: %d values for %d samples of dimension %d", f.name(), len(f.X), f.Len(), f.Dim)
	}
	if i := firstNonFinite(f.X); i >= 0 {
		return InputErrorf("%s: feature %d of sample %d is %v", f.name(), i%f.Dim, i/f.Dim, f.X[i])
	}
	return nil
}

// firstNonFinite returns the index of the first NaN or infinity, or -1.
func firstNonFinite(x []float32) int {
	const exponent = 0xff << 23
	for i, v := range x {
		if math.Float32bits(v)&exponent == exponent {
			return i
		}
	}
	return -1
}

// FormatError says why a file does not hold features or a classifier. The caller, who
// knows the file, names it.
type FormatError struct {
	What   string // "features" or "classifier"
	Reason string
}

func (e *FormatError) Error() string { return "not a file of " + e.What + ": " + e.Reason }

// Write writes the features as an NPZ file with the arrays x (n, dim) float32, y (n,)
// int64 and meta, one JSON text. In Python:
//
//	z = numpy.load("f.npz"); x, y, meta = z["x"], z["y"], json.loads(z["meta"].item())
func (f *Features) Write(w io.Writer) error {
	meta := f.Meta
	meta.Schema = featuresSchema
	text, err := json.Marshal(meta)
	if err != nil {
		return err
	}
	z := npy.NewWriter(w)
	row := func(i int) ([]float32, error) { return f.Row(i), nil }
	if err := z.Float32Rows("x", f.Len(), []int{f.Dim}, row); err != nil {
		return err
	}
	if err := z.Int64s("y", f.Y); err != nil {
		return err
	}
	if err := z.Strings("meta", []string{string(text)}); err != nil {
		return err
	}
	return z.Close()
}

// ReadFeatures reads the features that Write wrote, or any NPZ file of the same arrays;
// meta may be missing. What is malformed is a [FormatError].
func ReadFeatures(r io.ReaderAt, size int64) (*Features, error) {
	f, err := readFeatures(r, size)
	if err != nil {
		return nil, &FormatError{"features", err.Error()}
	}
	return f, nil
}

func readFeatures(r io.ReaderAt, size int64) (*Features, error) {
	z, err := npy.Open(r, size)
	if err != nil {
		return nil, err
	}
	f := &Features{}
	var head *npy.Header
	if f.X, head, err = z.Float32s("x"); err != nil {
		return nil, err
	}
	if err := checkFeatureShape(head); err != nil {
		return nil, err
	}
	f.Dim = head.Shape[1]
	f.Y, f.Meta, err = readLabels(z, head)
	return f, err
}

func checkFeatureShape(head *npy.Header) error {
	if len(head.Shape) != 2 || head.Shape[1] == 0 {
		return fmt.Errorf("array \"x\" has shape %v, want (samples, dim)", head.Shape)
	}
	return nil
}

// readLabels reads what goes with the features: labels, and what produced them, if the
// file says so.
func readLabels(z *npy.Archive, x *npy.Header) (y []int64, meta Meta, err error) {
	if y, _, err = z.Int64s("y"); err != nil {
		return nil, meta, err
	}
	if len(y) != x.Shape[0] {
		return nil, meta, fmt.Errorf("%d rows, but %d labels", x.Shape[0], len(y))
	}
	if !z.Has("meta") {
		return y, meta, nil
	}
	if err := readMeta(z, &meta); err != nil {
		return nil, meta, err
	}
	return y, meta, checkSchema(meta.Schema, featuresSchema)
}

func checkSchema(got, want string) error {
	if got != want {
		return fmt.Errorf("schema is %q, want %q", got, want)
	}
	return nil
}

// readMeta decodes the JSON text in array meta.
func readMeta(z *npy.Archive, dst any) error {
	text, _, err := z.Strings("meta")
	if err != nil {
		return err
	}
	if len(text) != 1 {
		return fmt.Errorf("array \"meta\" has %d texts, want 1", len(text))
	}
	if err := json.Unmarshal([]byte(text[0]), dst); err != nil {
		return fmt.Errorf("array \"meta\": %v", err)
	}
	return nil
}
