package datasets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/wiseft/wiseft/datasets/arrays"
	"github.com/wiseft/wiseft/datasets/internal/archive"
	"github.com/wiseft/wiseft/datasets/npy"
	"github.com/wiseft/wiseft/datasets/typed"
)

// arraySet is a data set whose samples are the rows of one array, or of several.
type arraySet struct {
	info   Info
	path   string
	labels []int64
	hashed []string // files that the hash covers
	fields []string // which arrays of them, unless they are x and y
	hash   fileHash

	mu      sync.RWMutex // guards what follows while samples are read
	closed  bool
	files   []io.Closer
	columns []column // that of the samples, or of all inputs that Info.Inputs names
}

// column is an array with the samples as its rows.
type column struct {
	name  string // in errors
	rows  *npy.Rows
	shape []int // of a sample
	size  int   // elements of a sample
}

// newColumn refuses an array that is empty or has no sample axis.
func newColumn(name string, rows *npy.Rows) (column, error) {
	if len(rows.Shape) == 0 || rows.Len() == 0 {
		return column{}, fmt.Errorf("%s has shape %v, want [samples ...] with at least one element", name, rows.Shape)
	}
	return column{name, rows, rows.Shape[1:], rows.Len() / rows.Shape[0]}, nil
}

// open calls index with the open file, which stays open. Errors of index become a *FormatError.
func (s *arraySet) open(ctx context.Context, index func(r io.ReaderAt, size int64) error) (_ Dataset, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	file, err := archive.Open(s.path)
	if err != nil {
		return nil, err
	}
	s.files = append(s.files, file)
	info, err := file.Stat()
	if err == nil {
		err = index(file, info.Size())
	}
	return s.opened(err)
}

// opened returns the data set, or closes it after an error, which becomes a *FormatError.
func (s *arraySet) opened(err error) (Dataset, error) {
	if err == nil {
		return s, nil
	}
	if _, named := errors.AsType[*FormatError](err); !named { // else of the file of labels
		err = malformed(s.path, "%v", err)
	}
	return nil, errors.Join(err, s.Close())
}

// addSamples takes the rows of the only array, as float32, or of that of an input with another type.
func (s *arraySet) addSamples(name string, rows *npy.Rows, in *arrays.Taken) error {
	c, err := newColumn(name, rows)
	s.columns = append(s.columns, c)
	s.columns[len(s.columns)-1].rows = rows // which Close closes, also after an error
	switch {
	case err != nil:
		return err
	case in != nil:
		s.info.Inputs = append(s.info.Inputs, InputArray(*in))
		if typeOf(rows.Header) == typed.Undefined {
			return fmt.Errorf("%s has type %s, which no input of a model takes", name, rows.DType())
		}
		if n := s.columns[0].rows.Shape[0]; rows.Shape[0] != n {
			return fmt.Errorf("%s has %d samples, and %s has %d; --constant %s=VALUE gives what is the same for all", name,
				rows.Shape[0], s.columns[0].name, n, in.Input)
		}
		return nil
	}
	if err := rows.CheckNumbers(); err != nil {
		return fmt.Errorf("%s %w", name, err)
	}
	if len(rows.Shape) < 2 {
		return fmt.Errorf("%s has shape %v, want [samples ...] with at least one element", name, rows.Shape)
	}
	return nil
}

// note adds a line to the notes.
func (s *arraySet) note(line string) { s.info.Notes = append(s.info.Notes, s.path+": "+line) }

// setLabels takes labels with their class names.
func (s *arraySet) setLabels(l *arrays.Labels) {
	s.labels, s.info.Classes = l.Y, l.Classes
	if l.Note != "" {
		s.note(l.Note)
	}
}

// readLabels takes the labels of n samples from a file of their own, of which the hash then depends.
func (s *arraySet) readLabels(path string, n int) error {
	s.hashed = append(s.hashed, path)
	return withFile(path, func(r io.ReaderAt, size int64) error {
		l, err := arrays.ReadFile(r, size, n)
		if err == nil {
			s.setLabels(l)
		}
		return err
	})
}

// isFile reports whether there is a file at path.
func isFile(path string) bool {
	info, err := archive.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// Info implements Dataset.
func (s *arraySet) Info() Info {
	info := s.info
	info.Notes = slices.Clone(info.Notes)
	return info
}

// Len implements Dataset.
func (s *arraySet) Len() int { return len(s.labels) }

// Label implements Dataset.
func (s *arraySet) Label(i int) int64 { return s.labels[i] }

// Read implements Dataset.
func (s *arraySet) Read(ctx context.Context, dst *Sample, i int) error {
	if err := checkIndex(ctx, s.info.Name, i, len(s.labels)); err != nil {
		return err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return fmt.Errorf("%s: %w", s.path, errClosed)
	}
	dst.Label, dst.X, dst.Shape, dst.Arrays = s.labels[i], dst.X[:0], dst.Shape[:0], dst.Arrays[:0]
	if s.info.Inputs != nil {
		return s.readArrays(dst, i)
	}
	c := s.columns[0]
	dst.X = slices.Grow(dst.X, c.size)[:c.size]
	if err := c.rows.Float32s(dst.X, i*c.size); err != nil {
		return malformed(s.path, "%v", err)
	}
	dst.Shape = append(dst.Shape, c.shape...)
	return dst.checkFinite(s.path, c.name+": ", i)
}

// readArrays sets the arrays of dst to those of sample i.
func (s *arraySet) readArrays(dst *Sample, i int) error {
	for _, c := range s.columns {
		a := dst.nextArray()
		a.Shape = a.Shape[:0]
		for _, n := range c.shape {
			a.Shape = append(a.Shape, int64(n))
		}
		if err := readTyped(a, c.rows, i*c.size, c.size); err != nil {
			return malformed(s.path, "%s: %v", c.name, err)
		}
		if bad := a.NonFinite(); bad >= 0 {
			return malformed(s.path, "%s: sample %d: value %d is not finite (%v)", c.name, i, bad, a.Float64s()[bad])
		}
	}
	return nil
}

// Hash implements Dataset.
func (s *arraySet) Hash(ctx context.Context) (string, error) {
	return s.hash.of(ctx, append([]string{s.info.Format}, s.fields...), s.hashed)
}

// Close implements Dataset.
func (s *arraySet) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	var err error
	for _, c := range s.columns {
		err = errors.Join(err, c.rows.Close())
	}
	for _, f := range s.files {
		err = errors.Join(err, f.Close())
	}
	return err
}
