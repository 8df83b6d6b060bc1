package method

import "math"

func init() {
	Register(Method{
		Name:    "geometric_median",
		Doc:     "the point with the least sum of distances to the models: a mean that is robust to one outlier",
		Formula: "theta = argmin_x sum_i |x - theta_i|, by Weiszfeld's iteration x = sum_i theta_i / d_i / sum_i 1 / d_i",
		Source: "Weiszfeld, Sur le point pour lequel la somme des distances de n points donnes est minimum, 1937; as in " +
			"sd-mecha",
		Detail: "Distances are Euclidean, by tensor. The iteration starts at the mean and stops when the sum of distances " +
			"decreases by less than the share tol.",
		MinModels: 2,
		Class:     Passes,
		Params: []Param{
			{Name: "max_iter", Doc: "maximum number of iterations", Default: 100.0, Min: 1, Max: 100000, Integer: true},
			{Name: "epsilon", Doc: "lower bound of distances, as a share of the largest distance of a model from the first",
				Default: 1e-9, Min: 1e-15, Max: 1},
			{Name: "tol", Doc: "relative decrease below which the iteration stops", Default: 1e-12, Min: 0, Max: 1},
		},
		Differs: []Difference{{"sd-mecha geometric_median", "distances in float32, at least 1e-6",
			"distances in float64, at least a share of the distance between the models",
			"the result must not depend on the scale of the weights"}},
		New: func(t *Tensor, p Params) (Mixer, error) {
			g, err := gramOf(t, 0) // relative to the first model, to avoid cancellation: models differ by little
			if err != nil {
				return Mixer{}, err
			}
			return blocks(combineTasks(median(g, int(p.Number("max_iter")), p.Number("epsilon"), p.Number("tol"))))
		},
	})
}

// median returns the factors of the task vectors, whose Gram matrix is g.
func median(g gram, maxIter int, epsilon, tol float64) []float64 {
	n := len(g) + 1
	share := make([]float64, n) // by model; the first is the origin
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

// distance returns the distance of the combination c from vector i, or from the origin if i is negative.
func (g gram) distance(c []float64, i int) float64 {
	d := append([]float64(nil), c...)
	if i >= 0 {
		d[i]--
	}
	return math.Sqrt(math.Max(0, g.product(d, d)))
}
