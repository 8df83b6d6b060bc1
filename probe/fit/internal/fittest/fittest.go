// Package fittest makes data for tests of the engines.
package fittest

import (
	"math/rand/v2"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit/internal/scaled"
)

// Blobs returns n samples of k overlapping classes in d correlated features.
func Blobs(n, d, k int) *feature.Set {
	r := rand.New(rand.NewPCG(1, 2))
	f := &feature.Set{Dim: d, Meta: feature.Meta{Data: datasets.Info{Name: "blobs"}}}
	for i := range n {
		label := i % k
		common := r.NormFloat64()
		for j := range d {
			v := 3*common + r.NormFloat64() + 5
			if j%k == label {
				v += 1.5
			}
			f.X = append(f.X, float32(v))
		}
		f.Y = append(f.Y, int64(label))
	}
	return f
}

// Problem returns f as the input of an engine: not scaled, with the weight c for every class, one iteration and a
// tolerance of 1. The labels of f must have no gaps.
func Problem(f *feature.Set, c float64) *scaled.Problem {
	p := &scaled.Problem{Rows: scaled.New(f, 0), Y: make([]int, f.Len()), Tol: 1, MaxIter: 1, C: c}
	for i, label := range f.Y {
		p.Y[i] = int(label)
		p.K = max(p.K, p.Y[i]+1)
	}
	for range p.K {
		p.Weight = append(p.Weight, c)
	}
	return p
}
