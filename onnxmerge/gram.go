package onnxmerge

import (
	"context"
	"fmt"
)

// Gram returns the inner products of the differences of a plan's further models from its first one, each as one vector of
// all merged tensors as they are stored: entry [i][j] is <theta_(i+1) - theta_0, theta_(j+1) - theta_0>, in the order of
// the models. Elements that are not finite in one of the models are left out. It reads the models once; progress counts
// bytes.
func Gram(ctx context.Context, plan *Plan, progress Progress) ([][]float64, error) {
	p := plan.planner
	n := len(plan.Models()) - 1
	gram := make([][]float64, n)
	for i := range gram {
		gram[i] = make([]float64, n)
	}
	total, done := p.mergedBytes(), int64(0)
	buf := newScratch(n + 1)
	for _, x := range p.decisions {
		if x.Action != Merge {
			continue
		}
		err := eachBlockOf(ctx, x.b.Len(), x.inputs()[:n+1], buf, func(values [][]float64) { addGram(gram, values) })
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", x.Tensor, err)
		}
		if done += x.b.SizeBytes(); progress != nil {
			progress(done, total)
		}
	}
	return gram, nil
}

// addGram adds the products of a block of elements of all models.
func addGram(gram, values [][]float64) {
	d := make([]float64, len(gram))
elements:
	for k, base := range values[0] {
		for i := range d {
			if d[i] = values[i+1][k] - base; !isFinite(d[i]) {
				continue elements
			}
		}
		for i := range d {
			for j := range d {
				gram[i][j] += d[i] * d[j]
			}
		}
	}
}
