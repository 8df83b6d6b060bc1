package feature

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/wiseft/wiseft/datasets/arrays"
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

// Write writes the features as an NPZ file with the arrays x (n, dim) float32, or (n, f.Axes) where
// rows have several axes, y (n,) int64 and meta, one JSON text. In Python:
//
//	z = numpy.load("f.npz"); x, y, meta = z["x"], z["y"], json.loads(z["meta"].item())
func (f *Set) Write(w io.Writer) error { return WriteRows(w, setRows{f}) }

// Rows are features that may be made while they are written.
type Rows interface {
	Len() int
	Axes() []int // of a row
	// Row returns row i. Rows are read once, in their order.
	Row(i int) ([]float32, error)
	Rest() *Set // labels and meta, when the last row was read
}

// setRows are the rows of a set.
type setRows struct{ *Set }

func (s setRows) Axes() []int {
	if s.Set.Axes == nil {
		return []int{s.Dim}
	}
	return s.Set.Axes
}

func (s setRows) Row(i int) ([]float32, error) { return s.Set.Row(i), nil }

func (s setRows) Rest() *Set { return s.Set }

// WriteRows writes features as [Set.Write] does.
func WriteRows(w io.Writer, rows Rows) error {
	z := npy.NewWriter(w)
	if err := z.Float32Rows("x", rows.Len(), rows.Axes(), rows.Row); err != nil {
		return err
	}
	f := rows.Rest()
	meta := f.Meta
	meta.Schema = Schema
	text, err := json.Marshal(meta)
	if err != nil {
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

func init() {
	register(Format{
		Name: "npz",
		Doc: "NPZ file of features x (n,d) and labels y (n,), as wiseft features writes it, or of other names, found or named " +
			"by --input and --target",
		match: func(head []byte) bool { return bytes.HasPrefix(head, []byte("PK\x03\x04")) },
		read:  readNPZ,
	})
}

// Read reads the features that [Set.Write] wrote, or any NPZ file of the same arrays; meta may be missing, and names of
// the classes be in an array classes instead. A malformed file is a [FormatError].
func Read(r io.ReaderAt, size int64) (*Set, error) {
	f, err := readNPZ(r, size, Part{})
	if err != nil {
		return nil, &FormatError{"features", err.Error()}
	}
	return f, nil
}

// ReadRows is [Read] for rows that may have several axes, as [Set].Axes has them.
func ReadRows(r io.ReaderAt, size int64) (*Set, error) {
	f, err := readRows(r, size, Part{}, checkRowsShape)
	if err != nil {
		return nil, &FormatError{"features", err.Error()}
	}
	return f, nil
}

func readNPZ(r io.ReaderAt, size int64, part Part) (*Set, error) {
	return readRows(r, size, part, checkFeatureShape)
}

// readRows reads features whose shape check accepts.
func readRows(r io.ReaderAt, size int64, part Part, check func(array string, head *npy.Header) error) (*Set, error) {
	z, err := npy.Open(r, size)
	if err != nil {
		return nil, err
	}
	roles, err := part.find(z)
	if err != nil {
		return nil, err
	}
	f := &Set{}
	var head *npy.Header
	if f.X, head, err = z.Float32s(roles.Samples); err != nil {
		return nil, err
	}
	if err := check(fmt.Sprintf("array %q", roles.Samples), head); err != nil {
		return nil, err
	}
	f.Dim = len(f.X) / max(1, head.Shape[0])
	if len(head.Shape) > 2 {
		f.Axes = head.Shape[1:]
	}
	f.Y, f.Meta, err = part.readLabels(z, roles, head.Shape[0])
	return f, err
}

func checkFeatureShape(array string, head *npy.Header) error {
	if len(head.Shape) != 2 || head.Shape[1] == 0 {
		return fmt.Errorf("%s has shape %v, want (samples, dim)", array, head.Shape)
	}
	return head.CheckNumbers()
}

func checkRowsShape(array string, head *npy.Header) error {
	if len(head.Shape) < 2 || slices.Contains(head.Shape[1:], 0) {
		return fmt.Errorf("%s has shape %v, want (samples, axes…)", array, head.Shape)
	}
	return head.CheckNumbers()
}

// find returns the arrays of features and labels. Labels are needed.
func (p Part) find(z *npy.Archive) (arrays.Roles, error) {
	want := arrays.Want{Samples: p.Input, Labels: p.Target, Split: p.Split}
	if p.Labels != nil && !z.Has(p.Target) {
		want.Labels, want.OwnLabels = "", true
	}
	list := arrays.Of(z)
	roles, err := arrays.Find(list, want)
	if err == nil && roles.Labels == "" && !want.OwnLabels {
		err = fmt.Errorf("has no array of labels, only %s; --target names an array, or a file with them", list)
	}
	return roles, err
}

// readLabels reads the labels of n samples and, if the file has it and it describes them, meta.
func (p Part) readLabels(z *npy.Archive, roles arrays.Roles, n int) (y []int64, meta Meta, err error) {
	if z.Has("meta") && roles.Samples == "x" && roles.Labels == "y" {
		if y, _, err = z.Int64s("y"); err != nil {
			return nil, meta, err
		}
		if len(y) != n {
			return nil, meta, fmt.Errorf("%d rows, but %d labels", n, len(y))
		}
		if err := npz.ReadMeta(z, &meta); err != nil {
			return nil, meta, err
		}
		return y, meta, npz.CheckSchema(meta.Schema, Schema)
	}
	l, err := roles.Read(z, n)
	if err != nil {
		return nil, meta, err
	}
	var notes []string
	if roles.Note != "" {
		notes = append(notes, roles.Note)
	}
	if roles.Labels == "" {
		if l, err = p.ownLabels(n); err != nil {
			return nil, meta, err
		}
		notes = append(notes, "labels are those of "+p.Target)
	}
	set := newSet("npz", nil, 0, l, notes...)
	set.Meta.Data.Split = roles.Split
	return set.Y, set.Meta, nil
}
