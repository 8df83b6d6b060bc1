package output

import (
	"bytes"
	"errors"
	"io"
	"os"
)

// SpoolMemory is how many bytes a [Spool] keeps in memory.
const SpoolMemory = 64 << 20

// Spool holds bytes that are written once and then read in any order: in memory, or in a temporary file if they are
// more than [SpoolMemory]. The zero value is empty. Reading and writing concurrently needs a lock; reading alone does
// not. Close it.
type Spool struct {
	memory []byte
	file   *os.File // instead of memory
	size   int64
}

// Write implements io.Writer: it adds bytes at the end.
func (s *Spool) Write(p []byte) (int, error) {
	if s.file == nil && len(s.memory)+len(p) > SpoolMemory {
		if err := s.moveToFile(); err != nil {
			return 0, err
		}
	}
	if s.file == nil {
		s.memory = append(s.memory, p...)
		s.size += int64(len(p))
		return len(p), nil
	}
	n, err := s.file.Write(p)
	s.size += int64(n)
	return n, err
}

// moveToFile moves what is in memory to a temporary file without a name, which not even a kill leaves behind. Where an
// open file keeps its name, Close removes it.
func (s *Spool) moveToFile() error {
	f, err := os.CreateTemp("", "wiseft-*.spool")
	if err != nil {
		return err
	}
	_ = os.Remove(f.Name())
	if _, err := f.Write(s.memory); err != nil {
		return errors.Join(err, f.Close(), ignoreMissing(os.Remove(f.Name())))
	}
	s.file, s.memory = f, nil
	return nil
}

// ReadAt implements io.ReaderAt.
func (s *Spool) ReadAt(p []byte, off int64) (int, error) {
	if s.file != nil {
		return s.file.ReadAt(p, off)
	}
	return bytes.NewReader(s.memory).ReadAt(p, off)
}

// Size returns how many bytes were written.
func (s *Spool) Size() int64 { return s.size }

// Close releases the memory and the file. Closing twice is harmless.
func (s *Spool) Close() error {
	f := s.file
	if *s = (Spool{}); f == nil {
		return nil
	}
	return errors.Join(f.Close(), ignoreMissing(os.Remove(f.Name())))
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

var (
	_ io.Writer   = (*Spool)(nil)
	_ io.ReaderAt = (*Spool)(nil)
)
