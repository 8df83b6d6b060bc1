// Package wire iterates over the fields of protobuf messages in place and rewrites ranges of them.
//
// A [Source] reads a file through a window of 16 KiB; [Source.Fields] yields the fields of one message as offsets
// into the file; [Rewrite] copies the file, replaces the ranges of [Edit] values and adjusts the length prefixes of
// the enclosing messages. Everything else is copied byte for byte: the order of fields, unknown fields, over-long
// varints.
//
// The package implements protobuf's wire format and is independent of ONNX. Groups (wire types 3 and 4), which
// proto3 does not use, are refused.
package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"

	"google.golang.org/protobuf/encoding/protowire"
)

// ErrMalformed is in the tree of every error caused by the file's bytes, as opposed to errors of reading them.
var ErrMalformed = errors.New("malformed protobuf")

// Span is a range of bytes of a file.
type Span struct{ Off, Len int64 }

// End returns the offset after the last byte.
func (s Span) End() int64 { return s.Off + s.Len }

// Field is one field of a message, as offsets into the file.
type Field struct {
	Num   protowire.Number
	Type  protowire.Type
	Start int64  // offset of the tag
	LenAt int64  // offset of the length prefix; Body.Off if the type has none
	Body  Span   // contents of a length-delimited field, else the encoded value
	Value uint64 // value of a varint or fixed field
}

// Whole returns the range of the field with its tag.
func (f Field) Whole() Span { return Span{f.Start, f.Body.End() - f.Start} }

// Place is where a length-delimited field lies, in half the memory of a Field.
type Place struct {
	start int64 // offset of the tag
	size  int64 // of the contents
	// Sizes of the tag and of the length prefix.
	tag, length uint8
}

// Place returns where the field lies.
func (f Field) Place() Place {
	return Place{f.Start, f.Body.Len, uint8(f.LenAt - f.Start), uint8(f.Body.Off - f.LenAt)}
}

// Field returns the field that lies there, without its number.
func (p Place) Field() Field {
	lenAt := p.start + int64(p.tag)
	return Field{Type: protowire.BytesType, Start: p.start, LenAt: lenAt, Body: Span{lenAt + int64(p.length), p.size}}
}

// Start returns the offset of the tag.
func (p Place) Start() int64 { return p.start }

// Body returns the range of the contents.
func (p Place) Body() Span { return p.Field().Body }

// Whole returns the range of the field with its tag.
func (p Place) Whole() Span { return p.Field().Whole() }

// windowSize is the bytes read at once: a run of small fields costs one read, and skipping large payloads wastes
// little.
const windowSize = 16 << 10

// Source reads a file through a window. It is not safe for concurrent use, except for ReadAt if the underlying
// reader's is.
type Source struct {
	r      io.ReaderAt
	size   int64
	window []byte
	off    int64 // file offset of window[0]
}

// NewSource returns a source over the first size bytes of r.
func NewSource(r io.ReaderAt, size int64) *Source {
	return &Source{r: r, size: size}
}

// NewBytesSource returns a source over data, which it keeps and which must not change.
func NewBytesSource(data []byte) *Source {
	return NewSource(bytes.NewReader(data), int64(len(data)))
}

// All returns the span of the whole file.
func (s *Source) All() Span { return Span{0, s.size} }

// ReadAt reads len(p) bytes at off. Reading past the end is an error.
func (s *Source) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off > s.size || int64(len(p)) > s.size-off {
		return 0, fmt.Errorf("%w: bytes %d to %d lie beyond the end (%d)", ErrMalformed, off, off+int64(len(p)), s.size)
	}
	n, err := s.r.ReadAt(p, off)
	if n == len(p) {
		return n, nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Read returns the bytes of span in a new slice. Its size is bounded by the file and by limit, for fields such as
// names.
func (s *Source) Read(span Span, limit int64) ([]byte, error) {
	if span.Len > limit {
		return nil, fmt.Errorf("%w: %d bytes at offset %d where at most %d are allowed", ErrMalformed, span.Len, span.Off,
			limit)
	}
	p := make([]byte, span.Len)
	_, err := s.ReadAt(p, span.Off)
	return p, err
}

// ReadNear returns the bytes of span, valid until the next call. Short ones come from the window, so that names beside
// each other cost one read of the file. limit is that of [Source.Read].
func (s *Source) ReadNear(span Span, limit int64) ([]byte, error) {
	if span.Len > min(limit, windowSize) || span.Off < 0 || span.Len < 0 || span.Off > s.size-span.Len {
		return s.Read(span, limit)
	}
	return s.peek(span.Off, int(span.Len), span.End())
}

// peek returns up to n bytes at off, fewer only before end. The result is valid until the next call.
func (s *Source) peek(off int64, n int, end int64) ([]byte, error) {
	n = int(min(int64(n), end-off))
	if off < s.off || off+int64(n) > s.off+int64(len(s.window)) {
		if s.window == nil {
			s.window = make([]byte, 0, windowSize)
		}
		s.window = s.window[:min(int64(windowSize), s.size-off)]
		s.off = off
		if _, err := s.ReadAt(s.window, off); err != nil {
			s.window = s.window[:0]
			return nil, err
		}
	}
	i := int(off - s.off)
	return s.window[i : i+n], nil
}

// maxHeader is the longest tag plus length or value: two varints of ten bytes.
const maxHeader = 2 * 10

// Fields iterates over the fields of the message in span. An error ends the iteration. Fields of a nested message are
// obtained by calling Fields on its Body; iterations may be nested.
func (s *Source) Fields(span Span) iter.Seq2[Field, error] {
	return func(yield func(Field, error) bool) {
		for off := span.Off; off < span.End(); {
			f, err := s.field(off, span.End())
			if err != nil {
				yield(Field{}, err)
				return
			}
			if !yield(f, nil) {
				return
			}
			off = f.Body.End()
		}
	}
}

func (s *Source) field(off, end int64) (Field, error) {
	head, err := s.peek(off, maxHeader, end)
	if err != nil {
		return Field{}, err
	}
	num, typ, n := protowire.ConsumeTag(head)
	if n < 0 {
		return Field{}, malformed(off, "no valid field tag")
	}
	f := Field{Num: num, Type: typ, Start: off}
	at := off + int64(n)
	rest := head[n:]
	var size int
	switch typ {
	case protowire.VarintType:
		f.Value, size = protowire.ConsumeVarint(rest)
	case protowire.Fixed32Type:
		var v uint32
		v, size = protowire.ConsumeFixed32(rest)
		f.Value = uint64(v)
	case protowire.Fixed64Type:
		f.Value, size = protowire.ConsumeFixed64(rest)
	case protowire.BytesType:
		return s.delimited(f, at, rest, end)
	default:
		return Field{}, malformed(off, "field %d has wire type %d", num, typ)
	}
	if size < 0 {
		return Field{}, malformed(off, "value of field %d is cut off", num)
	}
	f.LenAt = at
	f.Body = Span{at, int64(size)}
	return f, nil
}

func (s *Source) delimited(f Field, at int64, rest []byte, end int64) (Field, error) {
	length, n := protowire.ConsumeVarint(rest)
	if n < 0 {
		return Field{}, malformed(f.Start, "length of field %d is cut off", f.Num)
	}
	body := at + int64(n)
	if length > uint64(end-body) {
		return Field{}, malformed(f.Start, "field %d has a length of %d bytes, %d are left", f.Num, length, end-body)
	}
	f.LenAt = at
	f.Body = Span{body, int64(length)}
	return f, nil
}

func malformed(off int64, format string, args ...any) error {
	return fmt.Errorf("%w at byte %d: %s", ErrMalformed, off, fmt.Sprintf(format, args...))
}
