package onnx

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/wiseft/wiseft/onnxmerge/internal/digest"
	"github.com/wiseft/wiseft/onnxmerge/internal/wire"
)

// external is the position of a payload outside of the model's file, as in TensorProto.external_data.
type external struct {
	location string
	offset   int64
	length   int64  // -1 if absent: the size that the shape needs
	checksum string // SHA-1 of the file in hexadecimal, "" if absent
	file     *dataFile
}

// dataFile is one open file of external data.
type dataFile struct {
	location string
	checksum string // as stated by the model, "" if absent
	closer   io.Closer
	holes    int64 // bytes that take no space on the disk
	tap      *digest.Tap
	source   *wire.Source
	tensors  []*Tensor // sorted by offset
}

// Keys of TensorProto.external_data.
const (
	keyLocation = "location"
	keyOffset   = "offset"
	keyLength   = "length"
	keyChecksum = "checksum"
)

// scanExternal reads one key and value of TensorProto.external_data. Unknown keys are ignored.
func (s *scanner) scanExternal(t *Tensor, of wire.Field) error {
	key, value, err := s.entry(of)
	if err != nil {
		return err
	}
	if t.external == nil {
		t.external = &external{length: -1}
	}
	e := t.external
	switch key {
	case keyLocation:
		e.location = value
	case keyOffset:
		e.offset, err = strconv.ParseInt(value, 10, 64)
	case keyLength:
		e.length, err = strconv.ParseInt(value, 10, 64)
	case keyChecksum:
		e.checksum = value
	}
	if err != nil || e.offset < 0 || e.length < -1 {
		return formatf("external_data %s %q: want a number of bytes from 0 to 2^63-1", key, value)
	}
	return nil
}

// OpenWithData is [Open] for a model with payloads in other files of its folder. Locations that leave dir are
// refused: "..", absolute paths, symbolic links out of it, and files that have a further hard link elsewhere. The
// caller closes the model after use; dir may be closed before.
func OpenWithData(r io.ReaderAt, size int64, dir *os.Root) (*Model, error) {
	return OpenInFolder(r, size, Folder{Root: dir})
}

// OpenInFolder is [OpenWithData] for a model whose files are symbolic links, as in Hugging Face's cache.
func OpenInFolder(r io.ReaderAt, size int64, dir Folder) (*Model, error) {
	return openWithData(r, size, dir.open)
}

// openData opens a data file by its location.
type openData func(location string) (opened, error)

type opened struct {
	io.ReaderAt
	io.Closer
	size  int64
	holes int64 // of size, the bytes that take no space on the disk
}

func openWithData(r io.ReaderAt, size int64, open openData) (*Model, error) {
	m, err := Open(r, size)
	if err != nil {
		return nil, err
	}
	files := map[string]*dataFile{}
	for t := range m.stored() {
		if t.external == nil {
			continue
		}
		if err := m.openExternal(t, open, files); err != nil {
			return nil, errors.Join(err, m.Close())
		}
	}
	for _, f := range m.files {
		if err := cmp.Or(f.checkRanges(), f.checkHoles()); err != nil {
			return nil, errors.Join(err, m.Close())
		}
	}
	if len(m.files) > 0 {
		if err := m.checkIndices(); err != nil {
			return nil, errors.Join(err, m.Close())
		}
	}
	return m, nil
}

// stored yields all tensors that have a payload: the model's, and the indices of sparse ones.
func (m *Model) stored() func(yield func(*Tensor) bool) {
	return func(yield func(*Tensor) bool) {
		for _, t := range m.Tensors {
			if !yield(t) || t.Indices != nil && !yield(t.Indices) {
				return
			}
		}
	}
}

// Close closes the files that OpenWithData opened. Closing twice is harmless.
func (m *Model) Close() error {
	var err error
	for _, f := range m.files {
		err = errors.Join(err, f.closer.Close())
	}
	m.files = nil
	return err
}

// HasExternalData reports whether payloads lie in other files. Rewrite and WriteChanged move them into the model.
func (m *Model) HasExternalData() bool {
	for t := range m.stored() {
		if t.external != nil {
			return true
		}
	}
	return false
}

func (m *Model) openExternal(t *Tensor, open openData, files map[string]*dataFile) error {
	e := t.external
	f := files[e.location]
	if f == nil {
		o, err := open(e.location)
		if err != nil {
			return formatf("tensor %q: data file %q: %v", t.ID(), e.location, err)
		}
		tap := digest.NewTap(o, o.size, digest.XXH3)
		f = &dataFile{location: e.location, closer: o, holes: o.holes, tap: tap, source: wire.NewSource(tap, o.size)}
		m.files = append(m.files, f)
		files[e.location] = f
	}
	want, has := t.SizeBytes(), f.source.All().Len
	switch {
	case e.length >= 0 && e.length != want:
		return formatf("tensor %q: shape %v of %s needs %d bytes, %d are in %q", t.ID(), t.Dims, t.DType, want, e.length,
			e.location)
	case e.offset > has || want > has-e.offset:
		return formatf("tensor %q: bytes %d to %d of %q are beyond its end (%d)", t.ID(), e.offset,
			uint64(e.offset)+uint64(want), e.location, has)
	case e.checksum != "" && f.checksum != "" && e.checksum != f.checksum:
		return formatf("tensor %q: its checksum of %q differs from that of a tensor before it", t.ID(), e.location)
	}
	f.checksum = cmp.Or(f.checksum, e.checksum)
	f.tensors = append(f.tensors, t)
	e.file = f
	t.piece[0] = wire.Span{Off: e.offset, Len: want}
	t.pieces = t.piece[:]
	t.payload = (*stored)(t)
	return nil
}

// checkRanges refuses tensors whose ranges overlap and are not equal.
func (f *dataFile) checkRanges() error {
	slices.SortStableFunc(f.tensors, func(a, b *Tensor) int {
		return cmp.Or(cmp.Compare(a.external.offset, b.external.offset), cmp.Compare(a.SizeBytes(), b.SizeBytes()))
	})
	var last *Tensor // the one with the highest end so far
	for _, t := range f.tensors {
		if t.SizeBytes() == 0 {
			continue
		}
		if last != nil && t.external.offset < last.external.offset+last.SizeBytes() {
			if t.external.offset != last.external.offset || t.SizeBytes() != last.SizeBytes() {
				return formatf("tensors %q and %q: their bytes of %q overlap", last.ID(), t.ID(), f.location)
			}
		}
		last = t
	}
	return nil
}

// unusedHoles is how many bytes of a data file may take no space on the disk and belong to no tensor.
const unusedHoles = 1 << 30

// checkHoles refuses a file most of which takes no space on the disk and belongs to no tensor: its copies and hashes would
// take as long as its size says.
func (f *dataFile) checkHoles() error {
	size := f.source.All().Len
	unused := size
	var end int64
	for _, t := range f.tensors { // sorted by offset; ranges are equal or apart
		if t.external.offset >= end {
			unused -= t.SizeBytes()
			end = t.external.offset + t.SizeBytes()
		}
	}
	if min(unused, f.holes) > unusedHoles && unused > size/2 {
		return formatf("data file %q has %d bytes, of which tensors use %d, and %d are holes that take no space on the disk: "+
			"cut it behind the last tensor (truncate --size), or write the model with its data again", f.location, size, size-unused, f.holes)
	}
	return nil
}

// DataLocations returns the data files as the model names them, in the order of its tensors, whether they were opened or not.
func (m *Model) DataLocations() []string {
	var list []string
	seen := map[string]bool{}
	for t := range m.stored() {
		if t.external != nil && !seen[t.external.location] {
			seen[t.external.location] = true
			list = append(list, t.external.location)
		}
	}
	return list
}

// File is one of a model's files, with its hash.
type File struct {
	Name      string // "" for the model's own file, else the location in the model
	SizeBytes int64
	Algorithm string // algorithm of Hash: "sha256" for the model's own file, "xxh3_128" for data files
	Hash      string // lower-case hexadecimal
}

// TrackHashes hashes the model's files while they are read, so that Files has less to read. Pieces that are read out
// of order wait in memory, in at most the given number of bytes.
func (m *Model) TrackHashes(memory int64) {
	limit := int(memory) / (1 + len(m.files))
	m.tap.Start(limit)
	for _, f := range m.files {
		f.tap.Start(limit)
	}
}

// Reads returns how long all reads of the model's files took so far, of all goroutines together, and how many bytes they read.
func (m *Model) Reads() (took time.Duration, bytes int64) {
	took, bytes = m.tap.Reads()
	for _, f := range m.files {
		d, n := f.tap.Reads()
		took, bytes = took+d, bytes+n
	}
	return took, bytes
}

// Files returns the model's files with their hashes, its own first. It reads what TrackHashes has not hashed.
func (m *Model) Files(ctx context.Context) ([]File, error) {
	own := File{SizeBytes: m.SizeBytes(), Algorithm: string(digest.SHA256)}
	var err error
	if own.Hash, err = m.tap.Sum(ctx); err != nil {
		return nil, err
	}
	files := []File{own}
	for _, f := range m.files {
		hash, err := f.tap.Sum(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.location, err)
		}
		files = append(files, File{f.location, f.source.All().Len, string(digest.XXH3), hash})
	}
	return files, nil
}

// CheckData compares the data files with the SHA-1 in the model. It reads these files completely; files without a
// checksum are not read.
func (m *Model) CheckData(ctx context.Context) error {
	for _, f := range m.files {
		if f.checksum == "" {
			continue
		}
		got, err := digest.NewTap(f.tap, f.source.All().Len, digest.SHA1).Sum(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", f.location, err)
		}
		if got != f.checksum {
			return formatf("data file %q has SHA-1 %s, want %s as stated in the model: the file was changed or damaged",
				f.location, got, f.checksum)
		}
	}
	return nil
}
