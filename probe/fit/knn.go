package fit

import (
	"context"
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/datasets/npy"
	"github.com/wiseft/wiseft/internal/numeric"
	"github.com/wiseft/wiseft/probe/fit/internal/dense"
	"github.com/wiseft/wiseft/probe/fit/internal/nearest"
	"github.com/wiseft/wiseft/probe/fit/internal/scaled"
	"github.com/wiseft/wiseft/probe/internal/npz"
)

func init() {
	register(Solver{
		Name: "knn",
		Doc:  "the classes of the nearest training samples (Euclidean), each with one vote",
		fit:  fitNeighbors,
	})
}

// Neighbors are labelled training samples. The score of a class is its share of the K samples nearest to a row; of
// samples at equal distance the earlier count.
type Neighbors struct {
	X    []float32 // samples x dim, row-major, plain features
	Y    []int64   // one class per sample
	K    int       // votes, at most the number of samples
	Mean []float32 // subtracted from a feature before distances are computed; nil = 0
	Inv  []float32 // factor of the difference of two features; nil = 1

	dim int
}

// fitNeighbors keeps the training samples. Nothing is minimised: the objective is 0, and the fit has converged.
func fitNeighbors(_ context.Context, p *problem) (*solution, error) {
	x := make([]float32, 0, p.N*p.D)
	for lo := 0; lo < p.N; lo += scaled.BlockRows {
		rows, err := p.Table.Rows(nil, lo, min(lo+scaled.BlockRows, p.N))
		if err != nil {
			return nil, err
		}
		x = append(x, rows...)
	}
	n := &Neighbors{X: x, Y: slices.Clone(p.Table.Labels()), K: min(p.opt.Neighbors, p.N), dim: p.D}
	if p.opt.Standardize {
		n.Mean, n.Inv = numeric.Round32(p.Mean), numeric.Round32(p.Scale)
		if at := npz.FirstNonFinite(n.Inv); at >= 0 {
			return nil, p.tooSmall(at)
		}
	}
	return &solution{neighbors: n, converged: true}, nil
}

func (n *Neighbors) check(dim, classes int) error {
	if len(n.Y) == 0 || len(n.X) != len(n.Y)*dim || n.K < 1 || n.K > len(n.Y) {
		return fmt.Errorf("has %d values for %d neighbours of dimension %d, and counts %d", len(n.X), len(n.Y), dim, n.K)
	}
	if n.Inv != nil && (len(n.Inv) != dim || len(n.Mean) != dim) {
		return fmt.Errorf("has %d scales for dimension %d", len(n.Inv), dim)
	}
	for i, y := range n.Y {
		if y < 0 || y >= int64(classes) {
			return fmt.Errorf("has the label %d of neighbour %d, beyond its %d classes", y, i, classes)
		}
	}
	if npz.FirstNonFinite(n.X) >= 0 || npz.FirstNonFinite(n.Inv) >= 0 || npz.FirstNonFinite(n.Mean) >= 0 {
		return fmt.Errorf("holds NaN or infinity")
	}
	return nil
}

// scorer returns a function that scores rows.
func (n *Neighbors) scorer(classes int) func(dst []float64, x []float32, rows int) {
	width := dense.PadCols(n.dim)
	index := nearest.New(len(n.Y), width, func(dst []float64, i int) { n.scale(dst, n.X[i*n.dim:(i+1)*n.dim]) })
	return func(dst []float64, x []float32, rows int) {
		queries, at := make([]float64, rows*width), make([]int, rows*n.K)
		for i := range rows {
			n.scale(queries[i*width:(i+1)*width], x[i*n.dim:(i+1)*n.dim])
		}
		index.Nearest(at, queries, n.K)
		clear(dst[:rows*classes])
		for i := range rows {
			for _, sample := range at[i*n.K : (i+1)*n.K] {
				dst[i*classes+int(n.Y[sample])] += 1 / float64(n.K)
			}
		}
	}
}

// scale sets the first values of dst to the scaled features x.
func (n *Neighbors) scale(dst []float64, x []float32) {
	dense.Widen(dst, x)
	if n.Inv == nil {
		return
	}
	for j := range x {
		dst[j] = (dst[j] - float64(n.Mean[j])) * float64(n.Inv[j])
	}
}

func (n *Neighbors) write(z *npy.Writer) error {
	row := func(i int) ([]float32, error) { return n.X[i*n.dim : (i+1)*n.dim], nil }
	if err := z.Float32Rows("x", len(n.Y), []int{n.dim}, row); err != nil {
		return err
	}
	if err := z.Int64s("y", n.Y); err != nil {
		return err
	}
	if n.Inv != nil {
		if err := z.Float32Rows("inv", n.dim, nil, func(i int) ([]float32, error) {
			return n.Inv[i : i+1],
				nil
		}); err != nil {
			return err
		}
		if err := z.Float32Rows("mean", n.dim, nil, func(i int) ([]float32, error) {
			return n.Mean[i : i+1],
				nil
		}); err != nil {
			return err
		}
	}
	return z.Int64s("k", []int64{int64(n.K)})
}

func readNeighbors(z *npy.Archive) (*Neighbors, error) {
	n := &Neighbors{}
	var head *npy.Header
	var err error
	if n.X, head, err = z.Float32s("x"); err != nil {
		return nil, err
	}
	if len(head.Shape) != 2 || head.Shape[1] == 0 {
		return nil, fmt.Errorf("array \"x\" has shape %v, want (samples, dim)", head.Shape)
	}
	n.dim = head.Shape[1]
	if n.Y, _, err = z.Int64s("y"); err != nil {
		return nil, err
	}
	if z.Has("inv") {
		if n.Inv, _, err = z.Float32s("inv"); err != nil {
			return nil, err
		}
		if n.Mean, _, err = z.Float32s("mean"); err != nil {
			return nil, err
		}
	}
	k, _, err := z.Int64s("k")
	if err != nil {
		return nil, err
	}
	if len(k) != 1 {
		return nil, fmt.Errorf("array \"k\" has %d values, want 1", len(k))
	}
	n.K = int(k[0])
	return n, nil
}
