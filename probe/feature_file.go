package probe

import (
	"errors"
	"io"

	"github.com/wiseft/wiseft/datasets/npy"
)

// FeatureFile is a file of features whose rows stay on disk: a [Table] of any size.
// Labels are in memory. Close lets the table go; the reader stays the caller's to close.
type FeatureFile struct {
	y     []int64
	meta  Meta
	width int
	rows  *npy.Rows
}

var _ Table = (*FeatureFile)(nil)

// OpenFeatures opens the features that Write wrote, or any NPZ file of the same arrays. One
// that is compressed goes to a temporary file. What is malformed is a [FormatError].
func OpenFeatures(r io.ReaderAt, size int64) (*FeatureFile, error) {
	f, err := openFeatures(r, size)
	if err != nil {
		return nil, &FormatError{"features", err.Error()}
	}
	return f, nil
}

func openFeatures(r io.ReaderAt, size int64) (*FeatureFile, error) {
	z, err := npy.Open(r, size)
	if err != nil {
		return nil, err
	}
	f := &FeatureFile{}
	if f.rows, err = z.Rows("x"); err != nil {
		return nil, err
	}
	if err = checkFeatureShape(f.rows.Header); err == nil {
		f.width = f.rows.Shape[1]
		f.y, f.meta, err = readLabels(z, f.rows.Header)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Close removes what is temporary. Closing twice is harmless.
func (f *FeatureFile) Close() error { return f.rows.Close() }

// Len returns the number of rows.
func (f *FeatureFile) Len() int { return len(f.y) }

// Width returns the features per row.
func (f *FeatureFile) Width() int { return f.width }

// Labels returns the labels, which stay f's.
func (f *FeatureFile) Labels() []int64 { return f.y }

// Info says what produced the features.
func (f *FeatureFile) Info() Meta { return f.meta }

// Rows reads rows into buf. NaN and infinity are an [InputError].
func (f *FeatureFile) Rows(buf []float32, lo, hi int) ([]float32, error) {
	size := (hi - lo) * f.Width()
	if cap(buf) < size {
		buf = make([]float32, size)
	}
	buf = buf[:size]
	if err := f.rows.Float32s(buf, lo*f.width); err != nil {
		return nil, err
	}
	if i := firstNonFinite(buf); i >= 0 {
		return nil, InputErrorf("%s: feature %d of sample %d is %v", nameOf(f), i%f.Width(), lo+i/f.Width(), buf[i])
	}
	return buf, nil
}
