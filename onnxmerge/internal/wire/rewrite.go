package wire

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Edit replaces one range of a file. A range of length 0 is an insertion, a Size of 0 a deletion.
type Edit struct {
	At   Span
	Size int64 // size of the replacement in bytes
	// Fill sets dst to the replacement's bytes from off on. It may be called concurrently and in any order; off is a
	// multiple of BlockSize.
	Fill func(ctx context.Context, dst []byte, off int64) error
	// Within lists the length-delimited fields that enclose the range, outermost first. It is needed only if Size
	// differs from At.Len.
	Within []Field
}

// NewEdit returns an edit that replaces at by data.
func NewEdit(at Span, data []byte, within []Field) Edit {
	return Edit{At: at, Size: int64(len(data)), Within: within,
		Fill: func(_ context.Context, dst []byte, off int64) error {
			copy(dst, data[off:])
			return nil
		}}
}

// BlockSize is the unit of computing and copying in bytes: a multiple of every element size, small enough for the cache
// of one core.
const BlockSize = 256 << 10

// Rewrite copies src to w with the edits applied, in order of their offsets, using up to workers goroutines to
// compute replacements (0 means 1). Edits must not overlap; insertions at one offset keep their order. Memory is
// bounded by a few blocks per worker. It stops early when ctx ends.
func Rewrite(ctx context.Context, w io.Writer, src *Source, edits []Edit, workers int) (Times, error) {
	edits = append(slices.Clone(edits), lengthEdits(edits)...)
	slices.SortStableFunc(edits, func(a, b Edit) int {
		// An insertion precedes a replacement or deletion at the same offset.
		return cmp.Or(cmp.Compare(a.At.Off, b.At.Off), cmp.Compare(min(a.At.Len, 1), min(b.At.Len, 1)))
	})
	parts := make([]part, 0, 2*len(edits)+1)
	at := int64(0)
	for _, e := range edits {
		if e.At.Off < at || e.At.End() > src.size {
			return Times{}, fmt.Errorf("wire: edit of bytes %d to %d overlaps another or leaves the file", e.At.Off, e.At.End())
		}
		parts = append(parts, src.copyPart(at, e.At.Off), part{e.Size, e.Fill})
		at = e.At.End()
	}
	parts = append(parts, src.copyPart(at, src.size))
	return writeParts(ctx, w, parts, max(workers, 1))
}

// Size returns the number of bytes that Rewrite writes.
func (s *Source) Size(edits []Edit) int64 {
	size := s.size
	for _, e := range append(slices.Clone(edits), lengthEdits(edits)...) {
		size += e.Size - e.At.Len
	}
	return size
}

func (s *Source) copyPart(from, to int64) part {
	return part{to - from, func(_ context.Context, dst []byte, off int64) error {
		_, err := s.ReadAt(dst, from+off)
		return err
	}}
}

// lengthEdits returns the edits of the length prefixes of all messages that change size. A prefix that changes its
// own length (127 to 128) changes the size of the enclosing messages, so that prefixes are computed from the
// innermost outwards.
func lengthEdits(edits []Edit) []Edit {
	type message struct {
		field  Field
		within []Field
		growth int64
	}
	messages := map[int64]*message{} // by offset of the tag
	grow := func(within []Field, by int64) {
		for i, f := range within {
			m := messages[f.Start]
			if m == nil {
				m = &message{field: f, within: within[:i]}
				messages[f.Start] = m
			}
			m.growth += by
		}
	}
	for _, e := range edits {
		if by := e.Size - e.At.Len; by != 0 {
			grow(e.Within, by)
		}
	}
	inner := make([]*message, 0, len(messages))
	for _, m := range messages {
		inner = append(inner, m)
	}
	slices.SortFunc(inner, func(a, b *message) int {
		return cmp.Or(cmp.Compare(len(b.within), len(a.within)), cmp.Compare(a.field.Start, b.field.Start))
	})
	var out []Edit
	for _, m := range inner {
		if m.growth == 0 {
			continue
		}
		at := Span{m.field.LenAt, m.field.Body.Off - m.field.LenAt}
		prefix := protowire.AppendVarint(nil, uint64(m.field.Body.Len+m.growth))
		out = append(out, NewEdit(at, prefix, nil))
		grow(m.within, int64(len(prefix))-at.Len)
	}
	return out
}
