package fit

import (
	"context"
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/datasets/npy"
	"github.com/wiseft/wiseft/internal/numeric"
	"github.com/wiseft/wiseft/probe/fit/internal/dense"
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

// spare is how many neighbours beyond K are measured exactly: the first measure, |a|^2 - 2ab + |b|^2, is fast but
// rounds.
const spare = 8

// scorer returns a function that scores rows.
func (n *Neighbors) scorer(classes int) func(dst []float64, x []float32, rows int) {
	width := dense.PadCols(n.dim)
	count := dense.PadRows(len(n.Y))
	samples := n.padded(n.X, len(n.Y), count, width)
	squares := squaredNorms(samples, count, width)
	return func(dst []float64, x []float32, rows int) {
		m := dense.PadRows(rows)
		queries := n.padded(x, rows, m, width)
		products := make([]float64, m*count)
		dense.MulTrans(products, queries, samples, m, count, width)
		for i := range rows {
			near := products[i*count : i*count+len(n.Y)]
			for j, p := range near {
				near[j] = squares[j] - 2*p
			}
			n.vote(dst[i*classes:(i+1)*classes], queries[i*width:(i+1)*width], samples, near)
		}
	}
}

// neighbor is a sample and its squared distance.
type neighbor struct {
	at int
	d  float64
}

func byDistance(a, b neighbor) int {
	switch {
	case a.d < b.d || a.d == b.d && a.at < b.at:
		return -1
	case a.d == b.d && a.at == b.at:
		return 0
	}
	return 1
}

// vote sets dst to the shares of the classes among the nearest samples.
func (n *Neighbors) vote(dst, query, samples, near []float64) {
	best := make([]neighbor, 0, n.K+spare+1)
	for j, d := range near {
		c := neighbor{j, d}
		if len(best) == n.K+spare && byDistance(c, best[len(best)-1]) > 0 {
			continue
		}
		at, _ := slices.BinarySearchFunc(best, c, byDistance)
		best = slices.Insert(best, at, c)
		best = best[:min(len(best), n.K+spare)]
	}
	width := len(query)
	for i, b := range best {
		sum := 0.0
		for j, v := range samples[b.at*width : (b.at+1)*width] {
			sum += (v - query[j]) * (v - query[j])
		}
		best[i].d = sum
	}
	slices.SortFunc(best, byDistance)
	clear(dst)
	for _, b := range best[:n.K] {
		dst[n.Y[b.at]] += 1 / float64(n.K)
	}
}

// padded returns scaled rows, padded for package dense.
func (n *Neighbors) padded(x []float32, rows, padded, width int) []float64 {
	out := make([]float64, padded*width)
	for i := range rows {
		for j, v := range x[i*n.dim : (i+1)*n.dim] {
			f := float64(v)
			if n.Inv != nil {
				f = (f - float64(n.Mean[j])) * float64(n.Inv[j])
			}
			out[i*width+j] = f
		}
	}
	return out
}

func squaredNorms(x []float64, rows, width int) []float64 {
	out := make([]float64, rows)
	for i := range out {
		for _, v := range x[i*width : (i+1)*width] {
			out[i] += v * v
		}
	}
	return out
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
