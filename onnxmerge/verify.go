package onnxmerge

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// VerifyOptions select how much of a model is verified.
type VerifyOptions struct {
	Samples int    // ranges of each tensor, of up to 4 KiB, beside its beginning and its end; 0 means 8
	All     bool   // every byte instead
	Seed    uint64 // of the choice of ranges
	// Skip are tensors that are not compared, by ID.
	Skip map[string]bool
	// Near are tensors of measured numbers, by ID, that may differ from the plan by the relative difference that another
	// processor's rounding makes.
	Near map[string]bool
}

// Verification is the result of [Verify].
type Verification struct {
	Tensors     int      // compared
	Bytes       int64    // of payload compared
	Notes       []string // tensors with elements that are not finite, as far as they were compared; one line each
	Differences []string // one line each; none if the model is as the plan would write it
}

// Verify compares a model with what a plan would write: its structure, and samples of every tensor, computed again.
// progress counts tensors.
func Verify(ctx context.Context, model *onnx.Model, p *Plan, opt VerifyOptions,
	progress Progress) (*Verification, error) {
	if err := p.Err(); err != nil {
		return nil, err
	}
	e := executor{p.planner}
	v := &Verification{}
	if err := v.compareStructure(ctx, e.finetuned, model); err != nil {
		return nil, err
	}
	made := map[*onnx.Tensor]func(dst []byte, off int64) error{}
	mixers, _, err := e.mixers(ctx)
	if err != nil {
		return nil, err
	}
	mixers, measured := e.replace(mixers)
	for _, m := range mixers {
		made[m.dst] = m.fill
	}
	for _, r := range measured {
		made[r.Tensor] = r.Fill
	}
	for i, d := range e.decisions {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if opt.Skip[d.Tensor] {
			continue
		}
		fill := made[d.b]
		if fill == nil {
			fill = d.b.ReadAt
		}
		if err := v.compareTensor(model.Lookup(d.Tensor), d.b, fill, opt); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", d.Tensor, err)
		}
		delete(made, d.b) // frees its buffers
		if progress != nil {
			progress(int64(i+1), int64(len(e.decisions)))
		}
	}
	for _, t := range model.Tensors {
		if e.finetuned.Lookup(t.ID()) == nil {
			v.addDifference("tensor %q is not in the fine-tuned model", t.ID())
		}
	}
	found := &notes{}
	found.addNonfinite(mixers)
	v.Notes = found.sorted()
	return v, nil
}

func (v *Verification) addDifference(format string, args ...any) {
	v.Differences = append(v.Differences, fmt.Sprintf(format, args...))
}

func (v *Verification) compareStructure(ctx context.Context, want, got *onnx.Model) error {
	a, err := want.StructureHash(ctx)
	if err != nil {
		return err
	}
	b, err := got.StructureHash(ctx)
	if err != nil {
		return err
	}
	if a != b {
		v.addDifference("the structure (operators, attributes, metadata) differs from the fine-tuned model's")
	}
	return nil
}

// sampleBytes is the length of a compared range: a multiple of every element size.
const sampleBytes = 4 << 10

// compareTensor compares got with the payload that fill computes for want.
func (v *Verification) compareTensor(got, want *onnx.Tensor, fill func(dst []byte, off int64) error,
	opt VerifyOptions) error {
	switch {
	case got == nil:
		v.addDifference("tensor %q is missing", want.ID())
		return nil
	case got.DType != want.DType || !slices.Equal(got.Dims, want.Dims):
		v.addDifference("tensor %q: %s %v, want %s %v", want.ID(), got.DType, got.Dims, want.DType, want.Dims)
		return nil
	}
	v.Tensors++
	if !want.Readable() || !got.Readable() {
		same, err := got.Equal(want)
		if err == nil && !same {
			v.addDifference("tensor %q differs from the fine-tuned model", want.ID())
		}
		return err
	}
	a, b := make([]byte, sampleBytes), make([]byte, sampleBytes)
	for off := range offsets(want.SizeBytes(), opt) {
		n := min(sampleBytes, want.SizeBytes()-off)
		if err := fill(a[:n], off); err != nil {
			return err
		}
		if err := got.ReadAt(b[:n], off); err != nil {
			return err
		}
		v.Bytes += n
		if !bytes.Equal(a[:n], b[:n]) && !(opt.Near[want.ID()] && isNear(want.DType, a[:n], b[:n])) {
			v.addDifference("tensor %q: its bytes from %d to %d differ from the merge", want.ID(), off, off+n)
			return nil
		}
	}
	return nil
}

// offsets yields the offsets of the ranges of a payload of size bytes that are compared: all of them, or the first, the
// last and some between.
func offsets(size int64, opt VerifyOptions) func(yield func(int64) bool) {
	blocks := (size + sampleBytes - 1) / sampleBytes
	samples := int64(opt.Samples)
	if samples == 0 {
		samples = 8
	}
	return func(yield func(int64) bool) {
		if opt.All || blocks <= samples+2 {
			for i := range blocks {
				if !yield(i * sampleBytes) {
					return
				}
			}
			return
		}
		rng := rand.New(rand.NewPCG(opt.Seed, uint64(size)))
		if !yield(0) || !yield((blocks-1)*sampleBytes) {
			return
		}
		for range samples {
			if !yield(rng.Int64N(blocks) * sampleBytes) {
				return
			}
		}
	}
}

// Measured statistics that differ by no more than this share of themselves, or of the largest of the compared range,
// differ by rounding: kernels of other processors change sums in float32 by some 1e-6.
const (
	nearItself  = 1e-3
	nearLargest = 1e-5
)

// isNear reports whether numbers differ by rounding only.
func isNear(dtype onnx.DType, a, b []byte) bool {
	codec, ok := dtype.Codec()
	if !ok || codec.Bits < 8 {
		return false
	}
	n := len(a) * 8 / codec.Bits
	x, y := make([]float64, n), make([]float64, n)
	codec.Decode(x, a)
	codec.Decode(y, b)
	largest := 0.
	for _, v := range y {
		largest = max(largest, math.Abs(v))
	}
	for i := range x {
		if !(math.Abs(x[i]-y[i]) <= nearItself*math.Abs(y[i])+nearLargest*largest) {
			return false
		}
	}
	return true
}
