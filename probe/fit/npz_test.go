package fit

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"sync/atomic"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/npy"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit/internal/fittest"
)

func writeFeatures(t *testing.T, f *feature.Set) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestFeaturesReadBack(t *testing.T) {
	t.Parallel()
	want := fittest.Blobs(10, 3, 2)
	want.Meta = feature.Meta{
		Schema: feature.Schema, Wiseft: "1.2.3", Model: "π.onnx", ModelSHA256: "ab", Tensor: "feat", Runtime: "fake",
		Data:     datasets.Info{Name: "d", Classes: []string{"a", "ü"}, History: []string{"points: first 3"}},
		DataHash: "cd", Layout: "bcn", Batch: 32,
	}
	data := writeFeatures(t, want)
	got, err := feature.Read(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if again := writeFeatures(t, want); !bytes.Equal(again, data) {
		t.Error("writing twice gives different bytes")
	}
}

// A fit block by block from a file equals the fit in memory, for every solver.
func TestFitFromFile(t *testing.T) {
	t.Parallel()
	f := fittest.Blobs(200, 5, 3)
	data := writeFeatures(t, f)
	file, err := feature.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for _, solver := range solversOf(f) {
		opt := Options{Solver: solver, Standardize: true, Epochs: 2}
		want, _ := mustFit(t, f, opt)
		got, _, err := Fit(t.Context(), file, opt)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got.Layers, want.Layers) || !reflect.DeepEqual(got.Neighbors, want.Neighbors) {
			t.Errorf("%s: another classifier", solver)
		}
	}
	f.X[7] = float32(math.NaN())
	data = writeFeatures(t, f)
	if file, err = feature.Open(bytes.NewReader(data), int64(len(data))); err != nil {
		t.Fatal(err)
	}
	for _, solver := range solversOf(f) {
		_, _, err := Fit(t.Context(), file, Options{Solver: solver, Epochs: 1})
		if fault.KindOf(err) != fault.Input || err.Error() != "features of blobs: feature 2 of sample 1 is NaN" {
			t.Errorf("%s: got error %v", solver, err)
		}
	}
}

// countingTable counts the rows that are read.
type countingTable struct {
	feature.Table
	rows atomic.Int64
}

func (c *countingTable) Rows(buf []float32, lo, hi int) ([]float32, error) {
	c.rows.Add(int64(hi - lo))
	rows, err := c.Table.Rows(nil, lo, hi)
	return append(buf[:0], rows...), err
}

// A file is read three times an iteration, independent of the number of classes.
func TestOneVsRestSharesPasses(t *testing.T) {
	t.Parallel()
	for _, dim := range []int{12, 300} { // Hessians by features, and by rows
		table := &countingTable{Table: fittest.Blobs(250, dim, 10)}
		_, report, err := Fit(t.Context(), table, Options{Solver: "svc-ovr"})
		if err != nil {
			t.Fatal(err)
		}
		passes := float64(table.rows.Load()) / 250
		if !report.Converged || passes > float64(3*report.Iterations+6) {
			t.Errorf("dimension %d: %v passes for %d iterations", dim, passes, report.Iterations)
		}
	}
}

func TestEveryClassifierReadsBack(t *testing.T) {
	t.Parallel()
	f := fittest.Blobs(60, 4, 3)
	for _, solver := range solversOf(f) {
		want, _ := mustFit(t, f, Options{Solver: solver, Epochs: 1, Standardize: true})
		var b bytes.Buffer
		if err := want.Write(&b); err != nil {
			t.Fatal(err)
		}
		got, err := ReadClassifier(bytes.NewReader(b.Bytes()), int64(b.Len()))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", solver, got, want)
		}
		for n := range b.Len() {
			if _, err := ReadClassifier(bytes.NewReader(b.Bytes()[:n]), int64(n)); err == nil {
				t.Fatalf("%s: a file cut after %d of %d bytes is no error", solver, n, b.Len())
			}
		}
	}
}

func TestClassifierReadBack(t *testing.T) {
	t.Parallel()
	want, _ := mustFit(t, fittest.Blobs(40, 3, 2), Options{})
	var b bytes.Buffer
	if err := want.Write(&b); err != nil {
		t.Fatal(err)
	}
	got, err := ReadClassifier(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestMalformedFiles(t *testing.T) {
	t.Parallel()
	archive := func(write func(z *npy.Writer) error) []byte {
		var b bytes.Buffer
		z := npy.NewWriter(&b)
		if err := errors.Join(write(z), z.Close()); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	rows := func(n int, x ...float32) func(int) ([]float32, error) {
		return func(i int) ([]float32, error) { return x[i*len(x)/n : (i+1)*len(x)/n], nil }
	}
	flat := archive(func(z *npy.Writer) error { return z.Float32Rows("x", 2, nil, rows(2, 1, 2)) })
	short := archive(func(z *npy.Writer) error {
		return errors.Join(z.Float32Rows("x", 2, []int{1}, rows(2, 1, 2)), z.Int64s("y", []int64{1}))
	})
	schema := archive(func(z *npy.Writer) error {
		return errors.Join(z.Float32Rows("x", 1, []int{1}, rows(1, 1)), z.Int64s("y", []int64{1}),
			z.Strings("meta", []string{`{"schema":"other"}`}))
	})
	text := archive(func(z *npy.Writer) error {
		return errors.Join(z.Float32Rows("x", 1, []int{1}, rows(1, 1)), z.Int64s("y", []int64{1}),
			z.Strings("meta", []string{"{"}))
	})
	tests := []struct {
		name string
		data []byte
		want string
	}{
		{"no archive", []byte("hello"), "not a file of features: is not an NPZ archive: zip: not a valid zip file"},
		{"one axis", flat, "not a file of features: has no array of labels, only [x f4 (2)]; --target names an array, or a file with them"},
		{"labels missing", short, `not a file of features: array "y": has shape [1], want [2] or [2 1]: one label a sample`},
		{"schema", schema, `not a file of features: schema is "other", want "wiseft.features/1"`},
		{"meta", text, `not a file of features: array "meta": unexpected end of JSON input`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := feature.Read(bytes.NewReader(tt.data), int64(len(tt.data)))
			var format *feature.FormatError
			if !errors.As(err, &format) || err.Error() != tt.want {
				t.Errorf("got error %v, want %s", err, tt.want)
			}
			if _, err := ReadClassifier(bytes.NewReader(tt.data), int64(len(tt.data))); !errors.As(err, &format) {
				t.Errorf("as a classifier: got error %v, want a FormatError", err)
			}
		})
	}
}

// Every prefix of a good file is refused without a panic.
func TestTruncatedFiles(t *testing.T) {
	t.Parallel()
	data := writeFeatures(t, fittest.Blobs(4, 2, 2))
	for n := range len(data) {
		var format *feature.FormatError
		if _, err := feature.Read(bytes.NewReader(data[:n]), int64(n)); !errors.As(err, &format) {
			t.Fatalf("%d of %d bytes: got error %v, want a FormatError", n, len(data), err)
		}
	}
}
