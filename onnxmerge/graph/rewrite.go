package graph

import (
	"context"
	"fmt"
	"io"

	"github.com/wiseft/wiseft/onnxmerge/internal/wire"
)

// Rewrite copies the model's file to w with the given payloads replaced, using up
// to workers goroutines to make them. Every other byte is copied as it is, so no
// replacements give the file itself. The output does not depend on workers. Payloads
// from other files move into the model.
func (m *Model) Rewrite(ctx context.Context, w io.Writer, replacements []Replacement, workers int) error {
	var edits []wire.Edit
	made := map[*Tensor]func(dst []byte, off int64) error{}
	for _, r := range replacements {
		if !r.Tensor.Readable() || r.Tensor.model != m {
			return fmt.Errorf("graph: tensor %q cannot be replaced in this model", r.Tensor.ID())
		}
		if r.Tensor.external != nil {
			made[r.Tensor] = r.Fill
			continue
		}
		for i, c := range r.Tensor.chunks {
			start := r.Tensor.start(i)
			edits = append(edits, wire.Edit{At: c, Size: c.Len, Fill: withoutContext(func(dst []byte, off int64) error {
				return r.Fill(dst, start+off)
			})})
		}
	}
	return m.write(ctx, w, edits, made, workers)
}

// withoutContext makes a fill function of one that is too quick to be cancelled.
func withoutContext(fill func(dst []byte, off int64) error) func(context.Context, []byte, int64) error {
	return func(_ context.Context, dst []byte, off int64) error { return fill(dst, off) }
}
