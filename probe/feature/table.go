package feature

// Table is labelled features, row by row: a [Set] in memory, or a [File] that is read block by block and may be
// larger than memory. Its methods may be called concurrently.
type Table interface {
	Len() int        // rows
	Width() int      // features per row
	Labels() []int64 // one per row; datasets.NoLabel where unknown; read only
	Info() Meta
	// Rows returns the rows lo to hi-1, row-major: in buf, grown as needed, or as a part of the table's own memory.
	// The caller must not change them; they are valid until buf is used again.
	Rows(buf []float32, lo, hi int) ([]float32, error)
}

var _ Table = (*Set)(nil)

// Width returns the features per row.
func (f *Set) Width() int { return f.Dim }

// Labels returns f.Y.
func (f *Set) Labels() []int64 { return f.Y }

// Info returns f.Meta.
func (f *Set) Info() Meta { return f.Meta }

// Rows returns a part of f.X.
func (f *Set) Rows(_ []float32, lo, hi int) ([]float32, error) {
	return f.X[lo*f.Dim : hi*f.Dim], nil
}
