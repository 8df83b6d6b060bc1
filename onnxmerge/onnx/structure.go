package onnx

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/internal/wire"
)

// StructureHash returns the SHA-256 of everything in the model's own file except tensors: operators, attributes,
// shapes, metadata, unknown fields, in their order. The provenance, and the lengths of messages that contain tensors,
// are excluded, so that a merge does not change the hash.
func (m *Model) StructureHash(ctx context.Context) (string, error) {
	skip := m.tensorSpans()
	for _, p := range m.metadata {
		if p.name == ProvenanceKey {
			skip = append(skip, p.place.Whole())
		}
	}
	slices.SortFunc(skip, func(a, b wire.Span) int { return cmp.Or(cmp.Compare(a.Off, b.Off), cmp.Compare(b.Len, a.Len)) })
	h := sha256.New()
	at := int64(0)
	keep := func(end int64) error {
		if end <= at {
			return ctx.Err()
		}
		_, err := io.Copy(h, io.NewSectionReader(m.source, at, end-at))
		return err
	}
	for _, s := range skip {
		if err := keep(s.Off); err != nil {
			return "", err
		}
		at = max(at, s.End())
	}
	if err := keep(m.SizeBytes()); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// tensorSpans returns the ranges of the file that depend on payloads: tensors, and the lengths of their enclosing
// fields.
func (m *Model) tensorSpans() []wire.Span {
	var spans []wire.Span
	for t := range m.stored() {
		around := t.around
		if t.Store == Attribute { // the attribute is structure, its value is not
			around = t.within()
			spans = append(spans, t.pieces...)
		} else {
			spans = append(spans, t.place.Whole())
		}
		for _, f := range around {
			spans = append(spans, wire.Span{Off: f.LenAt, Len: f.Body.Off - f.LenAt})
		}
	}
	return spans
}
