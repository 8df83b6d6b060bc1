package graph

import (
	"context"
	"fmt"
	"io"

	"github.com/wiseft/wiseft/onnxmerge/internal/wire"
)

// Rewrite copies the model's file to w with the given payloads replaced, using up
// to workers goroutines to make them. Every other byte is copied as it is, so no
// replacements give the file itself. The output does not depend on workers.
func (m *Model) Rewrite(ctx context.Context, w io.Writer, replacements []Replacement, workers int) error {
	var edits []wire.Edit
	for _, r := range replacements {
		if !r.Tensor.Readable() || r.Tensor.source != m.source {
			return fmt.Errorf("graph: tensor %q cannot be replaced in this model", r.Tensor.ID())
		}
		for i, c := range r.Tensor.chunks {
			start := r.Tensor.start(i)
			edits = append(edits, wire.Edit{At: c, Size: c.Len,
				Fill: func(_ context.Context, dst []byte, off int64) error {
					return r.Fill(dst, start+off)
				}})
		}
	}
	return wire.Rewrite(ctx, w, m.source, edits, workers)
}
