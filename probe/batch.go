package probe

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/typed"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/internal/npz"
)

// ErrBatchAxis is an output whose batch axis has another length than the batch.
var ErrBatchAxis = errors.New("is not the batch")

// batchTolerance is the largest difference between the features of one sample in two batches, relative to the largest
// feature: kernels for other batch lengths round differently, on a GPU and in float16 by some 1e-3.
const batchTolerance = 5e-3

// CheckBatch compares the features of the first sample alone with those in a batch of three (or of batch, if that is
// less), last, beside other samples. They differ if an operator is in training mode, draws random numbers, or mixes
// samples, and if the tensor's first axis is not the batch; the error is of kind Input. It makes two forward passes.
//
// A model with a fixed batch length is passed two full batches. One whose operators have the length of batch in them,
// although its input does not say so, is passed batches of that length.
func CheckBatch(ctx context.Context, ex Extractor, ds datasets.Dataset, layout Layout, batch int) error {
	f, err := newFeed(ctx, ex.Inputs(), ds, ExtractOptions{Layout: layout, Batch: batch})
	if err != nil {
		return err
	}
	samples, err := f.neighbours(ctx)
	if err != nil {
		return fmt.Errorf("%s: sample 0 %w", ds.Info().Name, err)
	}
	short, long := 1, min(3, f.length)
	if f.fixed > 0 {
		short, long = f.fixed, f.fixed
	}
	alone, err := f.first(ctx, ex, samples, short, 0)
	if err != nil && !errors.Is(err, ErrBatchAxis) && ctx.Err() == nil && f.fixed == 0 {
		short, long = f.length, f.length
		alone, err = f.first(ctx, ex, samples, short, 0)
	}
	if err != nil {
		return err
	}
	beside, err := f.first(ctx, ex, samples, long, long-1)
	if err != nil {
		return err
	}
	if len(alone) != len(beside) {
		return fault.Inputf("%s: sample 0 has %d features alone, and %d in a batch of %d", ds.Info().Name, len(alone),
			len(beside), long)
	}
	if npz.FirstNonFinite(alone) >= 0 || npz.FirstNonFinite(beside) >= 0 {
		return nil // Extract names the sample
	}
	largest, difference := 0.0, 0.0
	for i, x := range alone {
		largest = max(largest, math.Abs(float64(x)))
		difference = max(difference, math.Abs(float64(x)-float64(beside[i])))
	}
	if difference <= batchTolerance*largest {
		return nil
	}
	return fault.Inputf("%s: the features of sample 0 depend on the batch: they change by up to %.3g of %.3g "+
		"beside other samples", ds.Info().Name, difference, largest).
		WithHint("export the model in evaluation mode, or accept such features with --trust-batch")
}

// neighbours returns the first sample and two that differ from it, of its shape: the next ones, or the first one mirrored.
// Arrays of other types than float32 are not mirrored.
func (f *feed) neighbours(ctx context.Context) ([]*datasets.Sample, error) {
	list := make([]*datasets.Sample, 3)
	for i := range list {
		s := &datasets.Sample{}
		if i < f.ds.Len() {
			if err := f.ds.Read(ctx, s, i); err != nil {
				return nil, err
			}
		}
		if i > 0 && !sameShape(s, list[0]) {
			*s = list[0].Clone()
			for k := range s.X {
				s.X[k] = float32(i) * (0.5 - s.X[k])
			}
		}
		list[i] = s
	}
	return list, nil
}

// sameShape reports whether two samples can be in one batch.
func sameShape(a, b *datasets.Sample) bool {
	return slices.Equal(a.Shape, b.Shape) && slices.EqualFunc(a.Arrays, b.Arrays, func(x, y typed.Array) bool {
		return slices.Equal(x.Shape, y.Shape)
	})
}

// first returns the features of samples[0] at a place in a batch whose other samples are the others.
func (f *feed) first(ctx context.Context, ex Extractor, samples []*datasets.Sample, length, place int) ([]float32, error) {
	var c chunk
	c.begin(0)
	for i := range length {
		s := samples[1+i%2]
		if i == place {
			s = samples[0]
		}
		if err := f.add(&c, s, i); err != nil {
			return nil, fmt.Errorf("%s: sample 0 %w", f.ds.Info().Name, err)
		}
	}
	if err := f.finish(&c); err != nil {
		return nil, err
	}
	x, err := ex.Extract(ctx, nil, c.groups[0].Batch)
	if err == nil {
		_, err = rows(x, 0, int64(length), ex.Output())
	}
	if err != nil {
		return nil, err
	}
	if len(x)%length != 0 {
		return nil, fault.Inputf("model gives %d values for %d samples", len(x), length)
	}
	dim := len(x) / length
	return x[place*dim : (place+1)*dim], nil
}
