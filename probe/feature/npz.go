package feature

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/wiseft/wiseft/datasets/npy"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/internal/npz"
)

// Schema is the schema of the meta of features.
const Schema = "wiseft.features/1"

// FormatError reports a file that does not hold features or a classifier. The caller adds
// the file's name.
type FormatError struct {
	What   string // "features" or "classifier"
	Reason string
}

// Kind implements the kinds of package fault.
func (e *FormatError) Kind() fault.Kind { return fault.Input }

func (e *FormatError) Error() string { return "not a file of " + e.What + ": " + e.Reason }

// Write writes the features as an NPZ file with the arrays x (n, dim) float32, y (n,)
// int64 and meta, one JSON text. In Python:
//
//	z = numpy.load("f.npz"); x, y, meta = z["x"], z["y"], json.loads(z["meta"].item())
func (f *Set) Write(w io.Writer) error {
	meta := f.Meta
	meta.Schema = Schema
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

// Read reads the features that [Set.Write] wrote, or any NPZ file of the same arrays; meta may be missing, and names of
// the classes be in an array classes instead. A malformed file is a [FormatError].
func Read(r io.ReaderAt, size int64) (*Set, error) {
	f, err := read(r, size)
	if err != nil {
		return nil, &FormatError{"features", err.Error()}
	}
	return f, nil
}

func read(r io.ReaderAt, size int64) (*Set, error) {
	z, err := npy.Open(r, size)
	if err != nil {
		return nil, err
	}
	f := &Set{}
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

// readLabels reads labels and, if the file has it, meta.
func readLabels(z *npy.Archive, x *npy.Header) (y []int64, meta Meta, err error) {
	if y, _, err = z.Int64s("y"); err != nil {
		return nil, meta, err
	}
	if len(y) != x.Shape[0] {
		return nil, meta, fmt.Errorf("%d rows, but %d labels", x.Shape[0], len(y))
	}
	if z.Has("meta") {
		if err := npz.ReadMeta(z, &meta); err != nil {
			return nil, meta, err
		}
		return y, meta, npz.CheckSchema(meta.Schema, Schema)
	}
	if z.Has("classes") {
		if meta.Data.Classes, _, err = z.Strings("classes"); err != nil {
			return nil, meta, err
		}
	}
	for i, label := range y {
		if n := len(meta.Data.Classes); n > 0 && label >= int64(n) {
			return nil, meta, fmt.Errorf("array \"y\": sample %d has label %d, but there are %d class names", i, label, n)
		}
	}
	return y, meta, nil
}
