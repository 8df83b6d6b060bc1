package feature

import (
	"errors"
	"fmt"
	"io"

	"github.com/wiseft/wiseft/datasets/npy"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/internal/npz"
)

// File is a file of features whose rows stay on disk: a [Table] that may be larger than memory. Labels are in memory.
// Close closes the table; the reader stays the caller's to close.
type File struct {
	y     []int64
	meta  Meta
	width int
	rows  *npy.Rows
}

var _ Table = (*File)(nil)

// Open opens the features that [Set.Write] wrote, or any NPZ file of the same arrays. A compressed array is inflated
// to a temporary file. A malformed file is a [FormatError].
func Open(r io.ReaderAt, size int64) (*File, error) { return OpenPart(r, size, Part{}) }

// OpenPart is Open for the other formats with rows on disk, which are NPZ and NPY, and for arrays of other names.
func OpenPart(r io.ReaderAt, size int64, part Part) (*File, error) {
	head := make([]byte, min(size, int64(len(npy.Magic))))
	if _, err := r.ReadAt(head, 0); err != nil && err != io.EOF {
		return nil, err
	}
	read := openNPZ
	switch {
	case string(head) == npy.Magic:
		read = openNPY
	case len(head) < 2 || string(head[:2]) != "PK":
		return nil, &FormatError{"features", "is neither NPZ nor NPY, of which rows can be left on disk"}
	}
	f, err := read(r, size, part)
	if err != nil {
		return nil, &FormatError{"features", err.Error()}
	}
	return f, nil
}

func openNPZ(r io.ReaderAt, size int64, part Part) (*File, error) {
	z, err := npy.Open(r, size)
	if err != nil {
		return nil, err
	}
	roles, err := part.find(z)
	if err != nil {
		return nil, err
	}
	f := &File{}
	if f.rows, err = z.Rows(roles.Samples); err != nil {
		return nil, err
	}
	if err = checkFeatureShape(fmt.Sprintf("array %q", roles.Samples), f.rows.Header); err == nil {
		f.width = f.rows.Shape[1]
		f.y, f.meta, err = part.readLabels(z, roles, f.rows.Shape[0])
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Close removes the temporary file, if there is one. Closing twice is harmless.
func (f *File) Close() error { return f.rows.Close() }

// Len returns the number of rows.
func (f *File) Len() int { return len(f.y) }

// Width returns the features per row.
func (f *File) Width() int { return f.width }

// Labels returns the labels. They are f's and must not be changed.
func (f *File) Labels() []int64 { return f.y }

// Info returns what produced the features.
func (f *File) Info() Meta { return f.meta }

// Rows reads rows into buf. NaN and infinity are an error of kind Input.
func (f *File) Rows(buf []float32, lo, hi int) ([]float32, error) {
	size := (hi - lo) * f.Width()
	if cap(buf) < size {
		buf = make([]float32, size)
	}
	buf = buf[:size]
	if err := f.rows.Float32s(buf, lo*f.width); err != nil {
		return nil, err
	}
	if i := npz.FirstNonFinite(buf); i >= 0 {
		return nil, fault.Inputf("%s: feature %d of sample %d is %v", Name(f), i%f.Width(), lo+i/f.Width(), buf[i])
	}
	return buf, nil
}
