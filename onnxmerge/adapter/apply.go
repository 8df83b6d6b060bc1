package adapter

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Scaled is an adapter and the factor of its delta.
type Scaled struct {
	*Adapter
	Scale float64 // 1 is what merge_and_unload of PEFT gives; it is finite
}

// Options are the options of [Apply].
type Options struct {
	// Orientation, if not nil, says that the tensors are those of a model by their names, which may be missing where an exporter
	// did not keep them. It reports whether a square matrix is stored as [in, out], and whether that is known. Without it
	// the tensors are all that the network has, stored as it has them.
	Orientation func(name string) (transposed, known bool)
}

// Applied is a checkpoint with adapters.
type Applied struct {
	*checkpoint.Checkpoint
	Changed []string // names of the tensors that adapters change, sorted
	Notes   []string // what was left out or renamed, one line each
}

// Apply returns a checkpoint with adapters added to its tensors: W + sum of scale * (W' - W), where W' is what one adapter makes
// of W. Tensors that change have the type float64 and are computed when they are read. A layer without a tensor is an error of
// kind Mismatch that lists all of them. base and the adapters must stay open.
func Apply(base *checkpoint.Checkpoint, list []Scaled, opt Options) (*Applied, error) {
	out := &Applied{}
	sums, held := map[*checkpoint.Tensor]*sum{}, &recent{}
	for _, a := range list {
		p, err := a.findPlaces(base, opt)
		if err != nil {
			return nil, err
		}
		out.Notes = append(out.Notes, p.notes...)
		if len(p.without) > 0 {
			out.Notes = append(out.Notes, fmt.Sprintf("the checkpoint does not have %s, which the adapter replaces: left out",
				strings.Join(p.without, ", ")))
		}
		seen := map[*checkpoint.Tensor]*Layer{}
		for _, x := range p.places {
			if l := seen[x.tensor]; l != nil {
				return nil, fault.Mismatchf("layers %q and %q of the adapter are one tensor, %q", l.Name, x.layer.Name, x.tensor.Name)
			}
			seen[x.tensor] = x.layer
			if sums[x.tensor] == nil {
				sums[x.tensor] = &sum{base: x.tensor, keep: 1, recent: held}
			}
			sums[x.tensor].add(x, a.Scale)
		}
	}
	var tensors []*checkpoint.Tensor
	for _, t := range base.Tensors {
		if s := sums[t]; s != nil {
			out.Changed = append(out.Changed, t.Name)
			t = checkpoint.NewTensor(t.Name, onnx.Float64, t.Dims, s.read)
		}
		tensors = append(tensors, t)
	}
	slices.Sort(out.Changed)
	var err error
	out.Checkpoint, err = checkpoint.New(base.Format, tensors)
	return out, err
}
