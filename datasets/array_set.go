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
)

// arraySet is a data set whose samples are the rows of one array.
type arraySet struct {
	info   Info
	path   string
	array  string // name of the array in errors
	shape  []int  // of a sample
	labels []int64
	hashed []string // files that the hash covers
	fields []string // which arrays of them, unless they are x and y
	hash   fileHash

	mu     sync.RWMutex // guards what follows while samples are read
	closed bool
	file   archive.File
	rows   *npy.Rows
}

// open calls index with the open file, which stays open. Errors of index become a *FormatError.
func (s *arraySet) open(ctx context.Context, index func(r io.ReaderAt, size int64) error) (_ Dataset, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.file, err = archive.Open(s.path); err != nil {
		return nil, err
	}
	info, err := s.file.Stat()
	if err == nil {
		if err = index(s.file, info.Size()); err != nil {
			if _, named := errors.AsType[*FormatError](err); !named { // else of the file of labels
				err = malformed(s.path, "%v", err)
			}
		}
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// checkValues sets the shape of the samples. It refuses an array that is empty, has no sample axis, or does not hold
// numbers.
func (s *arraySet) checkValues(h *npy.Header) error {
	if err := h.CheckNumbers(); err != nil {
		return fmt.Errorf("%s %w", s.array, err)
	}
	if len(h.Shape) < 2 || h.Len() == 0 {
		return fmt.Errorf(`%s has shape %v, want [samples ...] with at least one element`, s.array, h.Shape)
	}
	s.shape = h.Shape[1:]
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
	size := s.rows.Len() / len(s.labels)
	dst.X = slices.Grow(dst.X[:0], size)[:size]
	if err := s.rows.Float32s(dst.X, i*size); err != nil {
		return malformed(s.path, "%v", err)
	}
	dst.Shape = append(dst.Shape[:0], s.shape...)
	dst.Label = s.labels[i]
	return dst.checkFinite(s.path, s.array+": ", i)
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
	err := s.file.Close()
	if s.rows != nil {
		err = errors.Join(err, s.rows.Close())
	}
	return err
}
