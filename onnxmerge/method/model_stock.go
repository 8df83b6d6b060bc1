package method

import (
	"fmt"
	"math"
)

func init() {
	Register(Method{
		Name: "model_stock",
		Doc: "interpolate between the base and the mean of the fine-tuned models, by the angle between their task " +
			"vectors",
		Formula: "theta = t * mean_i theta_i + (1-t) * base, t = N*cos / (1 + (N-1)*cos), cos = mean cosine of pairs of tau",
		Source:  "Jang et al., Model stock: all we need is just a few fine-tuned models, ECCV 2024, eq. 3 and 6",
		Detail: "t is clamped to the range from 0 to 1: if cos <= 0, the base is kept. A pair with a zero task vector has " +
			"cosine 0. With filter_wise the angle is measured for each row (last axis); a vector is one row.",
		MinModels: 3,
		Base:      true,
		Class:     Slices,
		Params: []Param{{Name: "filter_wise", Doc: "measure the angle for each row instead of the tensor", Kind: Bool,
			Default: false}},
		Differs: []Difference{
			{"mergekit and fusion_bench model_stock", "t below 0 for cos < 0, with a pole at cos = -1/(N-1)",
				"clamps t to the range from 0 to 1", "a tensor with opposite changes would become infinite"},
			{"mergekit model_stock", "the product of norms is at least 1e-6", "only a product of 0 is special",
				"the result must not depend on the scale of the weights"},
		},
		New: newModelStock,
	})
}

func newModelStock(t *Tensor, p Params) (Mixer, error) {
	n := t.Models - 1
	if p.Bool("filter_wise") {
		row := t.RowLen()
		return Mixer{Granule: row, Mix: func(dst []float64, src [][]float64, _ int64) {
			fromBase(src)
			for at := 0; at < len(dst); at += int(row) {
				rows := make([][]float64, n)
				for i := range rows {
					rows[i] = src[i+1][at:][:row]
				}
				share, _ := stockShare(gramOfSlices(rows))
				weightedSum(dst[at:][:row], rows, share)
			}
			add(dst, src[0])
		}}, nil
	}
	g, err := gramOf(t, 0)
	if err != nil {
		return Mixer{}, err
	}
	share, guarded := stockShare(g)
	if guarded {
		t.Note(fmt.Sprintf("tensor %q: the mean cosine of the task vectors is below 0; the base is kept", t.ID))
	}
	return blocks(combineTasks(share))
}

// stockShare returns the factor of each task vector, and whether the mean cosine was below 0.
func stockShare(g gram) (share []float64, guarded bool) {
	n := len(g)
	sum, pairs := 0.0, 0
	for i := range g {
		for j := i + 1; j < n; j++ {
			if norms := g.norm(i) * g.norm(j); norms > 0 {
				sum += math.Max(-1, math.Min(1, g[i][j]/norms))
			}
			pairs++
		}
	}
	cosine := sum / float64(pairs)
	ratio := 0.0
	if cosine > 0 {
		ratio = float64(n) * cosine / (1 + float64(n-1)*cosine)
	}
	share = make([]float64, n)
	for i := range share {
		share[i] = ratio / float64(n)
	}
	return share, cosine < 0
}

// gramOfSlices returns the Gram matrix of vectors in memory.
func gramOfSlices(v [][]float64) gram {
	flat := make([]float64, len(v)*len(v))
	addProducts(flat, v)
	g := make(gram, len(v))
	for i := range g {
		g[i] = flat[i*len(v):][:len(v)]
		for j := range i {
			g[i][j] = g[j][i]
		}
	}
	return g
}
