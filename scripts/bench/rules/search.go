package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"path/filepath"

	"github.com/wiseft/wiseft/probe/search"
)

// simulateSearch writes what a search chooses on a run's clean test samples, and how often it is within one step of what the
// whole grid would choose, on validation samples that are drawn from these with replacement.
func simulateSearch(ctx context.Context, w io.Writer, folder string, draws int, share float64) error {
	r, err := load(folder)
	if err != nil {
		return err
	}
	var grid []float64
	var mixes []answers
	for _, a := range r.mixes { // without controls, and mixes of the same alpha by another rule
		if len(a.params) == 1 && (len(grid) == 0 || a.params[0] > grid[len(grid)-1]) {
			grid, mixes = append(grid, a.params[0]), append(mixes, a)
		}
	}
	own := make([][]float64, len(grid))
	for i, a := range mixes {
		own[i] = a.margins
	}
	c, err := searchStored(ctx, grid, own)
	if err != nil {
		return err
	}
	best := bestOf(own)
	if _, err := fmt.Fprintf(w, "%s: %d alphas, %d samples: alpha %v, with %d right; the grid chooses %v, with %d\n", filepath.Base(folder),
		len(grid), r.n, grid[c.Index], right(own[c.Index]), grid[best], right(own[best])); err != nil {
		return err
	}
	size := int(share*float64(r.n) + 0.5)
	var near, lost int
	var passes, likely float64
	for d := range draws {
		rng := rand.New(rand.NewPCG(0, uint64(d)))
		margins := make([][]float64, len(grid))
		for range size {
			sample := rng.IntN(r.n)
			for i, a := range mixes {
				margins[i] = append(margins[i], a.margins[sample])
			}
		}
		c, err := searchStored(ctx, grid, margins)
		if err != nil {
			return err
		}
		best := bestOf(margins)
		if math.Abs(float64(c.Index-best)) <= 1 {
			near++
		}
		lost += right(margins[best]) - right(margins[c.Index])
		passes, likely = passes+c.Passes/float64(draws), likely+c.Likely/float64(draws)
	}
	_, err = fmt.Fprintf(w, "%d drawn: within one step of the grid's choice in %d of %d draws (%.3f; estimated %.3f), %.2f samples lost, "+
		"%.2f passes\n", size, near, draws,
		float64(near)/float64(draws), likely, float64(lost)/float64(draws), passes)
	return err
}

// searchStored searches an alpha by margins that are known.
func searchStored(ctx context.Context, grid []float64, margins [][]float64) (search.Choice, error) {
	evaluate := func(_ context.Context, i int, samples []int) ([]float64, error) {
		if samples == nil {
			return margins[i], nil
		}
		var list []float64
		for _, k := range samples {
			list = append(list, margins[i][k])
		}
		return list, nil
	}
	return search.Alpha(ctx, grid, evaluate, search.Options{Between: 0.5})
}

// bestOf returns the first alpha with the most right answers.
func bestOf(margins [][]float64) (best int) {
	for i := range margins {
		if right(margins[i]) > right(margins[best]) {
			best = i
		}
	}
	return best
}

func right(margins []float64) (n int) {
	for _, m := range margins {
		if m > 0 {
			n++
		}
	}
	return n
}
