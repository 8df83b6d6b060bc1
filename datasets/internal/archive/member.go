package archive

import (
	"archive/zip"
	"compress/flate"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/wiseft/wiseft/internal/input"
	"github.com/wiseft/wiseft/internal/output"
)

const (
	// maxRatio is how many times its size a member may decompress to, if that is more than freeSize. Clouds, meshes,
	// arrays and pictures stay below 20; deflate reaches 1,032.
	maxRatio = 100
	freeSize = 16 << 20
)

// open opens a member.
func (in *index) open(name string) (File, error) {
	m := in.members[name]
	if m == nil {
		if _, ok := in.folders[name]; ok {
			return nil, errors.New("not a regular file")
		}
		return nil, in.missing("open", name)
	}
	info := in.infoOf(name, m)
	m, err := in.follow(m)
	if err != nil {
		return nil, err
	}
	if m.refuse != "" {
		return nil, errors.New(m.refuse)
	}
	off := m.off
	if m.zipped != nil {
		if off, err = m.zipped.DataOffset(); err != nil {
			return nil, err
		}
	}
	f, err := input.Open(in.path)
	if err != nil {
		return nil, err
	}
	stored, err := m.stored(f, off, in.size)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &openMember{SectionReader: io.NewSectionReader(stored, 0, m.size), info: info, bytes: stored, file: f}, nil
}

// readerAtCloser reads the bytes of a member.
type readerAtCloser interface {
	io.ReaderAt
	io.Closer
}

// stored returns the bytes of a member at off of an archive of size bytes.
func (m *member) stored(f *os.File, off, size int64) (readerAtCloser, error) {
	if m.zipped == nil {
		return unclosed{io.NewSectionReader(f, off, m.size)}, nil
	}
	packed := int64(m.zipped.CompressedSize64)
	if off < 0 || packed < 0 || packed > size-off {
		return nil, io.ErrUnexpectedEOF
	}
	if m.zipped.Method == zip.Store && packed != m.size {
		return nil, fmt.Errorf("has %d bytes, and is stored in %d", m.size, packed)
	}
	if m.size < 0 || m.size > freeSize && m.size/maxRatio > packed {
		return nil, fmt.Errorf("decompresses from %d to %d bytes, and more than %d times its size is not read", packed, m.size,
			maxRatio)
	}
	s := &spool{size: m.size, sum: m.zipped.CRC32}
	section := io.NewSectionReader(f, off, packed)
	if m.zipped.Method == zip.Store {
		s.from = io.NopCloser(section)
	} else {
		s.from = flate.NewReader(section)
	}
	return s, nil
}

// unclosed is a reader that has nothing to close.
type unclosed struct{ io.ReaderAt }

// Close implements io.Closer.
func (unclosed) Close() error { return nil }

// openMember is an open member.
type openMember struct {
	*io.SectionReader
	info  fs.FileInfo
	bytes io.Closer
	file  *os.File
}

// Stat implements fs.File.
func (m *openMember) Stat() (fs.FileInfo, error) { return m.info, nil }

// Close implements fs.File.
func (m *openMember) Close() error { return errors.Join(m.bytes.Close(), m.file.Close()) }

// spool is a member that is decompressed as far as it was read. The end is read only if the checksum is right.
type spool struct {
	size int64
	sum  uint32

	mu   sync.Mutex
	from io.ReadCloser
	err  error // of from
	got  uint32
	kept output.Spool
}

// ReadAt implements io.ReaderAt.
func (s *spool) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= s.size {
		return 0, io.EOF
	}
	end := min(off+int64(len(p)), s.size)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.decompress(end); err != nil {
		return 0, err
	}
	n := int(end - off)
	if _, err := s.kept.ReadAt(p[:n], off); err != nil {
		return 0, err
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// decompress reads on until end bytes are there.
func (s *spool) decompress(end int64) error {
	block := make([]byte, min(max(end-s.kept.Size(), 0), 1<<20))
	for s.err == nil && s.kept.Size() < end {
		done := s.kept.Size()
		n, err := io.ReadFull(s.from, block[:min(int64(len(block)), end-done)])
		if err != nil {
			s.err = fmt.Errorf("at byte %d of %d: %w", done+int64(n), s.size, noEOF(err))
			break
		}
		s.got = crc32.Update(s.got, crc32.IEEETable, block[:n])
		_, s.err = s.kept.Write(block[:n])
		if s.kept.Size() == s.size && s.err == nil {
			s.err = s.finish()
		}
	}
	return s.err
}

// finish checks that a member ends where it should, and its checksum.
func (s *spool) finish() error {
	if n, err := io.ReadFull(s.from, make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
		return fmt.Errorf("has more than the %d bytes that the archive lists", s.size)
	}
	if s.got != s.sum {
		return errors.New("is damaged: its checksum does not match")
	}
	return nil
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Close releases the memory and the file.
func (s *spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = fs.ErrClosed
	return errors.Join(s.from.Close(), s.kept.Close())
}
