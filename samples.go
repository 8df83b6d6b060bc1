package wiseft

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/ort"
)

// samples are unlabelled samples in memory, on which activations are measured.
type samples struct {
	data datasets.Dataset
	hash string
}

// drawSamples draws samples without replacement: want of them, or all if the data set has fewer. exact demands so many.
func drawSamples(
	ctx context.Context, source Data, want int, exact bool, seed uint64, monitor Monitor,
) (_ *samples, err error) {
	all, err := openData(ctx, source, monitor)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, source.close(all)) }()
	if exact && want > all.Len() {
		return nil, fault.Usagef("%d samples are wanted, and %s has %d", want, all.Info().Name, all.Len())
	}
	indices := rand.New(rand.NewPCG(seed, drawStream)).Perm(all.Len())
	indices = slices.Sorted(slices.Values(indices[:min(want, all.Len())]))
	drawn := datasets.Subset(all, indices, fmt.Sprintf("%d samples drawn with seed %d", len(indices), seed))
	s := &samples{}
	if s.data, err = datasets.InMemory(ctx, drawn, nil); err != nil {
		return nil, err
	}
	s.hash, err = drawn.Hash(ctx)
	return s, err
}

// drawStream keeps the draw apart from other uses of the same seed.
const drawStream = 0x7265706169720001

// each calls f with every batch as the input of a model; f closes the value. Batches that are padded to a fixed length are
// left out, and it is an error if none remains.
func (s *samples) each(ctx context.Context, in onnx.Value, layout string, batch int,
	f func(v *ort.Value, rows int) error) error {
	parsed, err := ParseLayout(layout)
	if err != nil {
		return err
	}
	var shape []int64
	for _, d := range in.Shape {
		shape = append(shape, d.Len)
	}
	passed := 0
	err = probe.EachBatch(ctx, probe.Input{Name: in.Name, Shape: shape}, s.data,
		probe.ExtractOptions{Batch: batch, Layout: parsed}, func(b probe.Batch, rows int) error {
			if int64(rows) < b.Shape[0] {
				return nil
			}
			passed++
			numbers := make([]float64, len(b.X))
			for i, x := range b.X {
				numbers[i] = float64(x)
			}
			v, err := ort.NewValue(ort.Array{Type: ort.ElementType(in.DType), Shape: slices.Clone(b.Shape),
				Data: encodeAs(in.DType, numbers)})
			if err != nil {
				return err
			}
			return f(v, rows)
		})
	if err == nil && passed == 0 {
		err = fault.Usagef("the model takes batches of %d samples, and %d are drawn", shape[0], s.data.Len())
	}
	return err
}

// sampleInput returns the one input of a model that samples are for.
func sampleInput(m *onnx.Model) (onnx.Value, error) {
	if len(m.Graph.Inputs) != 1 {
		return onnx.Value{}, fault.Mismatchf("the model has %d inputs, and activations are measured for models with one",
			len(m.Graph.Inputs))
	}
	in := m.Graph.Inputs[0]
	if !in.DType.IsFloat() {
		return in, fault.Mismatchf("the input %q is %s, and samples are floating-point numbers", in.Name, in.DType)
	}
	return in, nil
}
