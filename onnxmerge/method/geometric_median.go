package method

import "math"

func init() {
	register(Method{
		Name:    "geometric_median",
		Doc:     "the point with the least sum of distances to the models: a mean that one outlier cannot move far",
		Formula: "theta = argmin_x sum_i |x - theta_i|, by Weiszfeld's iteration x = sum_i theta_i / d_i / sum_i 1 / d_i",
		Source:  "Weiszfeld, Sur le point pour lequel la somme des distances de n points donnes est minimum, 1937; as in sd-mecha",
		Detail: "Distances are those of whole tensors. The search begins at the mean and stops when the sum of distances falls by " +
			"less than tol of itself.",
		MinModels: 2,
		Class:     Passes,
		Params: []Param{
			{Name: "max_iter", Doc: "the most steps", Default: 100.0, Min: 1, Max: 100000, Integer: true},
			{Name: "epsilon", Doc: "the least distance from a model, as a share of the farthest model's from the first", Default: 1e-9, Min: 1e-15, Max: 1},
			{Name: "tol", Doc: "a smaller relative gain ends the search", Default: 1e-12, Min: 0, Max: 1},
		},
		Differs: []Difference{{"sd-mecha geometric_median", "the least distance is 1e-6, and float32 distances", "a share of the distance between the models, and float64",
			"the result must not depend on the scale of the weights"}},
		New: func(t *Tensor, p Params) (Mixer, error) {
			g, err := gramOf(t, 0) // from the first model: what models share would drown the distances
			if err != nil {
				return Mixer{}, err
			}
			return blocks(combineTasks(median(g, int(p.Number("max_iter")), p.Number("epsilon"), p.Number("tol"))))
		},
	})
}

// median returns the factors of the vectors from the first model, whose products are g.
func median(g gram, maxIter int, epsilon, tol float64) []float64 {
	n := len(g) + 1
	share := make([]float64, n) // of each model; the first is the origin
	for i := range share {
		share[i] = 1 / float64(n)
	}
	farthest := 0.0
	for i := range g {
		farthest = math.Max(farthest, g.norm(i))
	}
	if farthest == 0 {
		return share[1:]
	}
	last := math.Inf(1)
	for range maxIter {
		sum, d := 0.0, make([]float64, n)
		for i := range d {
			d[i] = g.distance(share[1:], i-1)
			sum += d[i]
		}
		if last-sum <= tol*sum {
			break
		}
		last = sum
		for i := range share {
			share[i] = 1 / math.Max(d[i], epsilon*farthest)
		}
		share = normalized(share)
	}
	return share[1:]
}

// distance is that of the combination c from vector i, or from the origin if i is
// negative.
func (g gram) distance(c []float64, i int) float64 {
	d := append([]float64(nil), c...)
	if i >= 0 {
		d[i]--
	}
	return math.Sqrt(math.Max(0, g.product(d, d)))
}
