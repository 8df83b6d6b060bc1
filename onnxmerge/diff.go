package onnxmerge

import (
	"context"
	"fmt"
	"math"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Diff says what each weight of two models is in the other, and how far apart they are.
type Diff struct {
	Pairs        []PairDiff // of floating-point tensors, in the order of the fine-tuned file
	OnlyA, OnlyB []string   // weights without a counterpart
	Verdict      Verdict
	Reasons      []string // of a refusal
	// Cosine and RelL2 are those of all paired weights together, as one vector.
	Cosine, RelL2 float64
}

// PairDiff compares the two tensors of a pair. Cosine and RelL2 are NaN where they are
// not defined, as for zeros.
type PairDiff struct {
	A, B       string
	How        string // what proves the pair; see [align.How]
	Among      int    // how many weights have that part, where structure alone leaves a choice; else 1
	Transposed bool
	Folded     bool // a normalisation is folded into A for the comparison
	Cosine     float64
	RelL2      float64 // |b - a| / |a|
}

// Verdict is what a merge would make of two models.
type Verdict string

// The verdicts.
const (
	Mergeable   Verdict = "mergeable"
	HeadDiffers Verdict = "head-differs" // mergeable, and some weights are in one model only
	Refused     Verdict = "refused"
)

// Diff compares every pair of weights, element by element. It works on plans that do
// not run, too.
func (p *Plan) Diff(ctx context.Context, progress Progress) (*Diff, error) {
	d := &Diff{Verdict: Mergeable}
	if mismatch := p.mismatch(); mismatch != nil {
		d.Verdict = Refused
		d.Reasons = append([]string{mismatch.Summary}, mismatch.Reasons...)
	}
	d.OnlyA = p.UnusedWeights()
	var all distance
	total, done := p.mergedBytes(), int64(0)
	for _, x := range p.Decisions {
		if x.Action == Copy && isWeight(x.b) {
			d.OnlyB = append(d.OnlyB, x.Tensor)
		}
		if x.Action != Merge {
			continue
		}
		one, err := measure(ctx, x)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", x.Tensor, err)
		}
		if isFinite(one.aa + one.bb) { // a mask of infinities would be all there is
			all.add(one)
		}
		d.Pairs = append(d.Pairs, PairDiff{x.a.ID(), x.Tensor, string(x.how), x.among, x.perm != nil, x.fold != nil, one.cosine(), one.relL2()})
		if done += x.b.SizeBytes(); progress != nil {
			progress(done, total)
		}
	}
	d.Cosine, d.RelL2 = all.cosine(), all.relL2()
	if d.Verdict == Mergeable && len(d.OnlyA)+len(d.OnlyB) > 0 {
		d.Verdict = HeadDiffers
	}
	return d, nil
}

// UnusedWeights are those of OnlyA that are more than constants of the computation.
func (p *Plan) UnusedWeights() []string {
	var unused []string
	for _, t := range p.unusedWeights() {
		unused = append(unused, t.ID())
	}
	return unused
}

func (p *Plan) unusedWeights() []*onnx.Tensor {
	only := map[string]bool{}
	for _, id := range p.OnlyA {
		only[id] = true
	}
	var unused []*onnx.Tensor
	for _, t := range p.pretrained.Tensors {
		if isWeight(t) && only[t.ID()] {
			unused = append(unused, t)
		}
	}
	return unused
}

// isWeight reports whether a tensor is more than a constant of the computation.
func isWeight(t *onnx.Tensor) bool { return t.DType.IsFloat() && t.Len() > 1 }

// distance sums what the cosine and the distance of two vectors are made of.
type distance struct{ ab, aa, bb, dd float64 }

func (d *distance) add(x distance) {
	d.ab += x.ab
	d.aa += x.aa
	d.bb += x.bb
	d.dd += x.dd
}

func (d *distance) addElements(a, b []float64) {
	for i, x := range a {
		y := b[i]
		d.ab += x * y
		d.aa += x * x
		d.bb += y * y
		d.dd += (y - x) * (y - x)
	}
}

func (d distance) cosine() float64 { return d.ab / math.Sqrt(d.aa*d.bb) }

func (d distance) relL2() float64 { return math.Sqrt(d.dd / d.aa) }

// measure compares all elements of a pair.
func measure(ctx context.Context, x Decision) (distance, error) {
	var d distance
	codec, _ := x.b.DType.Codec()
	const block = 64 << 10 // bytes: an even number of elements of every dtype
	raw := make([]byte, min(block, x.b.SizeBytes()))
	n := int64(len(raw)) * 8 / int64(codec.Bits)
	values := [2][]float64{make([]float64, n), make([]float64, n)}
	readers := []reader{x.counterpart(), x.b.ReadAt}
	for off := int64(0); off < x.b.SizeBytes(); off += block {
		if err := ctx.Err(); err != nil {
			return d, err
		}
		size := min(block, x.b.SizeBytes()-off)
		elements := min(size*8/int64(codec.Bits), x.b.Len()-off*8/int64(codec.Bits))
		for i, read := range readers {
			if err := read(raw[:size], off); err != nil {
				return d, err
			}
			codec.Decode(values[i][:elements], raw)
		}
		d.addElements(values[0][:elements], values[1][:elements])
	}
	return d, nil
}
