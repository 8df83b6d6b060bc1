package graph

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/wiseft/wiseft/onnxmerge/internal/wire"
	"google.golang.org/protobuf/encoding/protowire"
)

// maxFile is the largest protobuf message that runtimes read.
const maxFile = math.MaxInt32

// external is where a payload lies outside of the model's file, as
// TensorProto.external_data says.
type external struct {
	location string
	offset   int64
	length   int64 // -1 if not given: as long as the shape needs
	fields   []wire.Field
	source   *wire.Source // nil until the file is open
}

// scanExternal reads one key and value of TensorProto.external_data. Keys that
// wiseft does not know are no harm.
func (s *scanner) scanExternal(t *Tensor, of wire.Field) error {
	key, value, err := s.entry(of)
	if err != nil {
		return err
	}
	e := t.place()
	switch key {
	case "location":
		e.location = value
	case "offset":
		e.offset, err = strconv.ParseInt(value, 10, 64)
	case "length":
		e.length, err = strconv.ParseInt(value, 10, 64)
	}
	if err != nil || e.offset < 0 || e.length < -1 {
		return formatf("tensor %q: external %s %q is no size", t.Name, key, value)
	}
	return nil
}

func (t *Tensor) place() *external {
	if t.external == nil {
		t.external = &external{length: -1}
	}
	return t.external
}

// OpenWithData is [Open] for a model whose payloads may lie in other files of its
// folder. A location that leaves dir, by .., an absolute path or a link, is refused.
// Close the model when it is no longer used; dir may be closed before.
func OpenWithData(r io.ReaderAt, size int64, dir *os.Root) (*Model, error) {
	m, err := Open(r, size)
	if err != nil {
		return nil, err
	}
	files := map[string]*wire.Source{}
	for _, t := range m.Tensors {
		if t.external == nil {
			continue
		}
		if err := m.openExternal(t, dir, files); err != nil {
			return nil, errors.Join(err, m.Close())
		}
	}
	return m, nil
}

// Close closes the files that OpenWithData opened. Closing twice is harmless.
func (m *Model) Close() error {
	var err error
	for _, f := range m.files {
		err = errors.Join(err, f.Close())
	}
	m.files = nil
	return err
}

// HasExternalData reports whether some payloads lie in other files. What Rewrite,
// Expose and Attach write has none: these payloads move into the model.
func (m *Model) HasExternalData() bool {
	return slices.ContainsFunc(m.Tensors, func(t *Tensor) bool { return t.external != nil })
}

func (m *Model) openExternal(t *Tensor, dir *os.Root, files map[string]*wire.Source) error {
	e := t.external
	name := filepath.FromSlash(e.location)
	if !filepath.IsLocal(name) {
		return formatf("tensor %q: its data is in %q, which is no file of the model's folder", t.ID(), e.location)
	}
	source := files[name]
	if source == nil {
		f, err := dir.Open(name)
		if err != nil {
			return formatf("tensor %q: its data is in %q: %v", t.ID(), e.location, cause(err))
		}
		m.files = append(m.files, f)
		info, err := f.Stat()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return formatf("tensor %q: its data is in %q, which is no regular file", t.ID(), e.location)
		}
		source = wire.NewSource(f, info.Size())
		files[name] = source
	}
	want, has := t.SizeBytes(), source.All().Len
	switch {
	case t.DType.bits() == 0:
		return formatf("tensor %q: %s cannot lie in another file", t.ID(), t.DType)
	case e.length >= 0 && e.length != want:
		return formatf("tensor %q: shape %v of %s needs %d bytes, %d are in %q", t.ID(), t.Dims, t.DType, want, e.length, e.location)
	case e.offset > has || want > has-e.offset:
		return formatf("tensor %q: bytes %d to %d of %q are beyond its end (%d)", t.ID(), e.offset, e.offset+want, e.location, has)
	}
	e.source = source
	t.source = source
	t.chunks = []wire.Span{{Off: e.offset, Len: want}}
	return nil
}

// cause is the part of a file error that does not repeat the file's name.
func cause(err error) error {
	if at, ok := errors.AsType[*os.PathError](err); ok {
		return at.Err
	}
	return err
}

// inlineEdits move the payload of an external tensor into the model: its place in
// another file goes, raw_data comes. fill makes the bytes.
func (t *Tensor) inlineEdits(fill func(dst []byte, off int64) error) []wire.Edit {
	var edits []wire.Edit
	for _, f := range t.external.fields {
		edits = append(edits, wire.Edit{At: f.Whole(), Within: t.within})
	}
	end := wire.Span{Off: t.within[len(t.within)-1].Body.End()}
	size := t.SizeBytes()
	head := protowire.AppendVarint(protowire.AppendTag(nil, tensorRawData, protowire.BytesType), uint64(size))
	edits = append(edits, wire.NewEdit(end, head, t.within))
	return append(edits, wire.Edit{At: end, Size: size, Fill: withoutContext(fill), Within: t.within})
}

// write copies the model to w with the edits applied, and with every external
// payload moved in that no edit removes. made has the bytes of those that change.
func (m *Model) write(ctx context.Context, w io.Writer, edits []wire.Edit, made map[*Tensor]func(dst []byte, off int64) error, workers int) error {
	var inline []wire.Edit
	for _, t := range m.Tensors {
		if t.external == nil || removed(edits, t.within[len(t.within)-1].Start) {
			continue
		}
		if t.external.source == nil {
			return UnsupportedError(fmt.Sprintf("tensor %q: its data is in another file (%s), which is not open", t.ID(), t.external.location))
		}
		fill := made[t]
		if fill == nil {
			fill = t.ReadAt
		}
		inline = append(inline, t.inlineEdits(fill)...)
	}
	if inline == nil {
		return wire.Rewrite(ctx, w, m.source, edits, workers)
	}
	// What goes into a tensor comes before what is put behind it.
	edits = append(inline, edits...)
	if size := m.source.Size(edits); size > maxFile {
		return UnsupportedError(fmt.Sprintf("with its external data the model would have %d bytes; a file holds %d", size, maxFile))
	}
	return wire.Rewrite(ctx, w, m.source, edits, workers)
}

// removed reports whether an edit covers the byte at off.
func removed(edits []wire.Edit, off int64) bool {
	return slices.ContainsFunc(edits, func(e wire.Edit) bool { return e.At.Off <= off && off < e.At.End() })
}
