package onnxmerge

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/pair"
)

// Difference has the counterpart of each weight of two models, and how far apart the two are.
type Difference struct {
	Pairs []PairDifference `json:"pairs"`  // of floating-point tensors, in the order of the fine-tuned file
	OnlyA []string         `json:"only_a"` // weights without a counterpart
	OnlyB []string         `json:"only_b"`
	// Cosine and RelL2 are those of all paired weights together, as one vector.
	Cosine   *float64 `json:"cosine"`
	RelL2    *float64 `json:"rel_l2"`
	Verdict  Verdict  `json:"verdict"`
	Relation Relation `json:"relation"` // by Cosine and RelL2
	// Features is the value that the head of the fine-tuned model consumes, and Head are its weights.
	Features string   `json:"features,omitempty"`
	Head     []string `json:"head,omitempty"`
	// Permuted are weights that are unlike their counterparts, and whose channels have like norms in another order.
	Permuted []string `json:"permuted,omitempty"`
	Reasons  []string `json:"reasons"` // of a refusal, then the plan's warnings
}

// PairDifference compares the two tensors of a pair. Cosine and RelL2 are nil where they are not defined, as for zeros.
type PairDifference struct {
	A          string   `json:"a"`
	B          string   `json:"b"`
	How        pair.How `json:"how"`             // what proves the pair
	Among      int      `json:"among,omitempty"` // candidates, where structure alone leaves more than one
	Transposed bool     `json:"transposed"`
	Folded     bool     `json:"folded,omitempty"` // a normalisation is folded into A for the comparison
	Cosine     *float64 `json:"cosine"`
	RelL2      *float64 `json:"rel_l2"` // |b - a| / |a|
}

// Verdict is whether two models can be merged.
type Verdict string

// The verdicts.
const (
	Mergeable   Verdict = "mergeable"
	HeadDiffers Verdict = "head-differs" // mergeable, and some weights are in one model only
	Refused     Verdict = "refused"
)

// Relation grades how far apart the paired weights of two models are. It does not say whether the models between them
// work: that takes running them on labelled data.
type Relation string

// The relations. Fine-tuning of a model moves its weights by a few hundredths to a few tenths of their norm; two
// trainings from one start that a straight path does not connect are at a cosine of about .6.
const (
	Equal     Relation = "equal"     // all pairs are equal
	Near      Relation = "near"      // a relative distance of at most .1
	Related   Relation = "related"   // of at most .5
	Far       Relation = "far"       // beyond, with a cosine of at least .2
	Unrelated Relation = "unrelated" // a lower cosine, or no pairs
)

// relationOf grades the distance of all paired weights together.
func relationOf(all distance, pairs int) Relation {
	cosine, distance := all.cosine(), all.relL2()
	switch {
	case pairs == 0:
		return Unrelated
	case distance == 0:
		return Equal
	case distance <= 0.1:
		return Near
	case distance <= 0.5:
		return Related
	case cosine >= 0.2:
		return Far
	}
	return Unrelated
}

// Diff compares every pair of weights of a plan's first and last model, element by element. The plan may have refusals.
// progress counts bytes.
func Diff(ctx context.Context, plan *Plan, progress Progress) (*Difference, error) {
	p := plan.planner
	d := &Difference{Pairs: []PairDifference{}, OnlyA: append([]string{}, plan.Unused...), OnlyB: []string{},
		Verdict: Mergeable, Features: plan.Backbone.Output, Head: plan.Backbone.Head, Reasons: []string{}}
	if mismatch := p.mismatch(); mismatch != nil {
		d.Verdict = Refused
		d.Reasons = append([]string{mismatch.Summary}, mismatch.Reasons...)
	}
	d.Reasons = append(d.Reasons, plan.Warnings...)
	measured, err := p.measureAll(ctx, progress)
	if err != nil {
		return nil, err
	}
	var all distance
	d.Pairs = slices.Grow(d.Pairs, len(p.decisions))
	for i := range p.decisions {
		x, one := &p.decisions[i], measured[i]
		if x.Action == Copy && isWeight(x.b) {
			d.OnlyB = append(d.OnlyB, x.Tensor)
		}
		if x.Action != Merge {
			continue
		}
		if isFinite(one.aa + one.bb) { // an infinite mask would dominate the sums
			all.add(one)
		}
		d.Pairs = append(d.Pairs, plan.Decisions[i].difference(one))
		permuted, err := looksPermuted(ctx, x, one)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", x.Tensor, err)
		}
		if permuted {
			d.Permuted = append(d.Permuted, x.Tensor)
		}
	}
	d.addPermuted()
	d.Cosine, d.RelL2 = finite(all.cosine()), finite(all.relL2())
	d.Relation = relationOf(all, len(d.Pairs))
	if d.Verdict == Mergeable && len(d.OnlyA)+len(d.OnlyB) > 0 {
		d.Verdict = HeadDiffers
	}
	return d, nil
}

// measureAll compares all pairs. The result is in the order of the decisions, with nothing where none is merged. Small
// pairs are compared several at a time.
func (p *planner) measureAll(ctx context.Context, progress Progress) ([]distance, error) {
	const batch = 1 << 20 // bytes
	measured := make([]distance, len(p.decisions))
	total := p.mergedBytes()
	var mu sync.Mutex
	done := int64(0)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(p.workers)
	for first := 0; first < len(p.decisions); {
		next, size := first, int64(0)
		for ; next < len(p.decisions) && size < batch; next++ {
			if x := &p.decisions[next]; x.Action == Merge {
				size += x.b.SizeBytes()
			}
		}
		from := first
		first = next
		group.Go(func() error {
			if err := p.measureSome(ctx, measured, from, next); err != nil || progress == nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			done += size
			progress(done, total)
			return nil
		})
	}
	return measured, group.Wait()
}

// measureSome compares the pairs of the decisions from from on, up to to.
func (p *planner) measureSome(ctx context.Context, dst []distance, from, to int) (err error) {
	buf := newScratch(2)
	for i := from; i < to; i++ {
		x := &p.decisions[i]
		if x.Action != Merge {
			continue
		}
		if dst[i], err = measure(ctx, x, buf); err != nil {
			return fmt.Errorf("tensor %q: %w", x.Tensor, err)
		}
	}
	return nil
}

// difference returns the record of a measured pair.
func (d *Decision) difference(by distance) PairDifference {
	x := PairDifference{A: d.From, B: d.Tensor, How: d.How, Transposed: d.Transposed, Folded: d.Folded,
		Cosine: finite(by.cosine()), RelL2: finite(by.relL2())}
	if d.Among > 1 {
		x.Among = d.Among
	}
	return x
}

// finite returns nil for what is not a number or infinite.
func finite(v float64) *float64 {
	if !isFinite(v) {
		return nil
	}
	return &v
}

// unusedIDs returns the IDs of the weights that only the pre-trained model has.
func (p *planner) unusedIDs() []string {
	var unused []string
	for _, t := range p.unusedWeights() {
		unused = append(unused, t.ID())
	}
	return unused
}

func (p *planner) unusedWeights() []*onnx.Tensor {
	only := map[string]bool{}
	for _, id := range p.onlyA {
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

// distance has the sums from which the cosine and the distance of two vectors are computed.
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

// measure compares all elements of a pair. buf is of two sources.
func measure(ctx context.Context, x *decision, buf *scratch) (distance, error) {
	var d distance
	err := eachBlock(ctx, x, x.counterpart(), buf, d.addElements)
	return d, err
}

// eachBlock calls f with the values of all elements of a and of the fine-tuned tensor, block by block. buf is of two
// sources.
func eachBlock(ctx context.Context, x *decision, a input, buf *scratch, f func(a, b []float64)) error {
	inputs := []input{a, newInput(x.b.ReadAt, x.b.DType)}
	return eachBlockOf(ctx, x.b.Len(), inputs, buf, func(values [][]float64) { f(values[0], values[1]) })
}

// eachBlockOf calls f with the values of count elements of every input, block by block. buf is of as many sources.
func eachBlockOf(ctx context.Context, count int64, inputs []input, buf *scratch, f func(values [][]float64)) error {
	const block = 64 << 10 // elements: an even number
	buf.grow(int(min(block, count)))
	for first := int64(0); first < count; first += block {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(block, count-first)
		if err := buf.read(inputs, first, n); err != nil {
			return err
		}
		f(buf.decode(inputs, 0, int(n)))
	}
	return nil
}
