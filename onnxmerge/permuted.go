package onnxmerge

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// Limits of paired weights whose units look permuted. With 8 channels and more, norms of independent rows agree in order
// within 10 % by chance only where they are all alike.
const (
	unlikeCosine   = 0.5 // and less: the weights themselves do not fit
	alikeNorms     = 0.1 // relative distance of the sorted norms of channels
	unlikeNorms    = 2.  // times that, at least, in the order of the file
	permutedDims   = 8   // channels at least
	permutedLength = 1 << 26
)

// looksPermuted reports whether a pair of unlike weights has channels (along the first axis) with the same norms in
// another order.
func looksPermuted(ctx context.Context, x *decision, by distance) (bool, error) {
	if len(x.b.Dims) < 2 || x.b.Dims[0] < permutedDims || x.b.Len() > permutedLength || !(by.cosine() < unlikeCosine) {
		return false, nil
	}
	norms := make([][]float64, 2)
	per := x.b.Len() / x.b.Dims[0]
	for side, in := range []input{x.counterpart(), newInput(x.b.ReadAt, x.b.DType)} {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		values, err := in.numbers(x.b.Len())
		if err != nil {
			return false, err
		}
		for row := range slices.Chunk(values, int(per)) {
			sum := 0.
			for _, v := range row {
				sum += v * v
			}
			norms[side] = append(norms[side], math.Sqrt(sum))
		}
	}
	apart := func() float64 {
		var d distance
		d.addElements(norms[0], norms[1])
		return d.relL2()
	}
	inOrder := apart()
	slices.Sort(norms[0])
	slices.Sort(norms[1])
	sorted := apart()
	return sorted <= alikeNorms && inOrder >= unlikeNorms*sorted, nil
}

// addPermuted adds the reason that units look permuted.
func (d *Difference) addPermuted() {
	if n := len(d.Permuted); n > 0 {
		d.Reasons = append(d.Reasons, fmt.Sprintf("the units look permuted: %d paired weights are unlike, and their channels have "+
			"like norms in another order (%s); merge with --align weights, or --align activations", n, shortList(d.Permuted)))
	}
}
