package onnxmerge

import (
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/graph"
)

const (
	// sampleLen is how many elements of each tensor are compared: the first ones.
	sampleLen = 4 << 10
	// minSample is the least that says something: the cosine of n unrelated numbers is
	// about 1/sqrt(n).
	minSample = 64
	// unrelated is below what fine-tuning leaves: real pairs have .75 and more in most
	// tensors, weights of other training have less than .1.
	unrelated = 0.1
	// related is well above what chance gives to minSample numbers: four times its
	// standard deviation.
	related = 0.5
)

// compareWeights looks at the weights themselves. Two kinds of mistake leave the
// structure whole: models that are not relatives, and heads that happen to have the
// same shapes. The second is noticed where names agree elsewhere: such a pair is
// copied.
func (p *Plan) compareWeights() error {
	var cosines []float64
	named, merged := 0, 0
	strangers := []int{}
	for i, d := range p.Decisions {
		if d.Action != Merge {
			continue
		}
		merged++
		sameName := d.a.ID() == d.b.ID()
		if sameName {
			named++
		}
		c, ok, err := cosine(d.a, d.b, d.perm)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", d.Tensor, err)
		}
		if !ok {
			continue
		}
		cosines = append(cosines, c)
		if !sameName && c < unrelated {
			strangers = append(strangers, i)
		}
	}
	if len(cosines) > 0 {
		slices.Sort(cosines)
		if median := cosines[len(cosines)/2]; median < unrelated {
			p.Warnings = append(p.Warnings, fmt.Sprintf("these two do not look like relatives: the cosine between their weights is %.2f in the median tensor; "+
				"expect nothing of a merge between unrelated models", median))
			return nil
		}
	}
	if 2*named < merged {
		return nil // names say nothing here
	}
	for _, i := range strangers {
		d := &p.Decisions[i]
		d.Action = Copy
		d.Reason = fmt.Sprintf("it has the place of %q, but neither its name nor its weights: another head", d.a.ID())
	}
	return nil
}

// cosine compares the beginnings of two weights, a read in the order of b's axes. ok is
// false where they are too short.
func cosine(a, b *graph.Tensor, perm []int) (cosine float64, ok bool, err error) {
	codec, known := b.DType.Codec()
	n := int(min(b.Len(), sampleLen))
	if n < minSample || !known || codec.Bits < 8 || !a.Readable() || !b.Readable() {
		return 0, false, nil
	}
	values := [2][]float64{make([]float64, n), make([]float64, n)}
	raw := make([]byte, codec.SizeBytes(n))
	for i, read := range sources(a, b, perm) {
		if err := read(raw, 0); err != nil {
			return 0, false, err
		}
		codec.Decode(values[i], raw)
	}
	var d distance
	d.addElements(values[0], values[1])
	c := d.cosine()
	return c, isFinite(c), nil // zeros have no direction
}
