package feature

import (
	"fmt"
	"io"
	"slices"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/arrays"
	"github.com/wiseft/wiseft/internal/registry"
)

// Part names what of a file is read. The zero value finds features and labels by their names and shapes.
type Part struct {
	Input  string // array, column, or pattern of columns (f_*) with the features
	Target string // array or column of the labels
	Split  string // where the names of arrays have one, as X_train; "" takes the only one
	// Labels is the file that Target names, of Size bytes: it is read if no array and no column has that name. nil =
	// there is none.
	Labels     io.ReaderAt
	LabelsSize int64
}

// Format reads files of features of one kind.
type Format struct {
	Name, Doc string
	match     func(head []byte) bool // reports whether a file that begins so is of the format
	read      func(r io.ReaderAt, size int64, part Part) (*Set, error)
}

var formats = registry.New[Format]("format of features")

// Formats returns the formats that [ReadPart] reads, sorted by name.
func Formats() []Format { return formats.All() }

func register(f Format) { formats.Register(f.Name, f) }

// headSize is how many bytes at the start of a file are given to match.
const headSize = 4096

// ReadPart reads features of any format of [Formats]. What was taken where the file leaves it open is in the notes of
// the set's data, beside those that the file itself has. A malformed file is a [FormatError].
func ReadPart(r io.ReaderAt, size int64, part Part) (*Set, error) {
	head := make([]byte, min(size, headSize))
	if _, err := r.ReadAt(head, 0); err != nil && err != io.EOF {
		return nil, err
	}
	for _, f := range Formats() {
		if !f.match(head) {
			continue
		}
		set, err := f.read(r, size, part)
		if err != nil {
			return nil, &FormatError{"features", err.Error()}
		}
		return set, nil
	}
	return nil, &FormatError{"features", fmt.Sprintf("starts with %.8q; NPZ, NPY, CSV, TSV and Parquet are read", head)}
}

// newSet returns features of another program, with labels as arrays makes them.
func newSet(format string, x []float32, dim int, l *arrays.Labels, notes ...string) *Set {
	f := &Set{X: x, Dim: dim, Y: l.Y}
	f.Meta.Data = datasets.Info{Format: format, Classes: l.Classes, Notes: notes}
	if l.Note != "" {
		f.Meta.Data.Notes = append(f.Meta.Data.Notes, l.Note)
	}
	return f
}

// ownLabels reads the labels of n samples from the file of their own.
func (p Part) ownLabels(n int) (*arrays.Labels, error) {
	l, err := arrays.ReadFile(p.Labels, p.LabelsSize, n)
	if err != nil {
		return nil, fmt.Errorf("labels %s: %w", p.Target, err)
	}
	return l, nil
}

// Align gives labels the numbers that their classes have in a reference, as [datasets.AlignLabels] finds them. It
// reports whether numbers changed. A class that the reference does not have is an error of the kind Mismatch.
func (f *Set) Align(reference []string) (changed bool, err error) {
	to, err := datasets.AlignLabels(f.Y, f.Meta.Data.Classes, reference)
	if err != nil || to == nil {
		return false, err
	}
	f.Y = slices.Clone(f.Y)
	for i, label := range f.Y {
		if number, ok := to[label]; ok {
			f.Y[i] = number
		}
	}
	f.Meta.Data.Classes = slices.Clone(reference)
	return true, nil
}
