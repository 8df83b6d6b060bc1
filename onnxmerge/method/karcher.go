package method

import (
	"math"
	"slices"
)

func init() {
	Register(Method{
		Name:    "karcher",
		Doc:     "mean of the directions on the sphere (Karcher mean, Riemannian centre of mass), times the mean length",
		Formula: "theta = mean_i |theta_i| * argmin_u sum_i angle(u, theta_i)^2",
		Source:  "Karcher, Riemannian center of mass and mollifier smoothing, 1977; as in mergekit",
		Detail: "Each step moves along the mean of the logarithm maps of the directions. Models of length 0 are ignored. " +
			"If the directions cancel, the iteration starts at the first model.",
		MinModels: 2,
		Class:     Passes,
		Params: []Param{
			{Name: "max_iter", Doc: "maximum number of iterations", Default: 10.0, Min: 1, Max: 10000, Integer: true},
			{Name: "tol", Doc: "step length, in radians, below which the iteration stops", Default: 1e-5, Min: 0, Max: 1},
		},
		Differs: []Difference{{"mergekit karcher", "treats norms and angles below tol as zero",
			"treats only norms of 0 as zero",
			"the result must not depend on the scale of the weights"}},
		New: func(t *Tensor, p Params) (Mixer, error) {
			g, err := gramOf(t, -1)
			if err != nil {
				return Mixer{}, err
			}
			return blocks(combine(karcher(g, int(p.Number("max_iter")), p.Number("tol"))))
		},
	})
}

// karcher returns the factors of the vectors whose Gram matrix is g.
func karcher(g gram, maxIter int, tol float64) []float64 {
	lengths, share := make([]float64, len(g)), make([]float64, len(g))
	sum, valid := 0.0, 0
	for i := range g {
		lengths[i] = g.norm(i)
		sum += lengths[i]
		if lengths[i] > 0 {
			share[i] = 1
			valid++
		} else {
			lengths[i] = 1 // zero vectors stay zero
		}
	}
	if valid == 0 {
		return share
	}
	share = scaled(share, 1/float64(valid))
	u := g.units(lengths)
	mean := unit(u, share)
	if mean == nil {
		mean = make([]float64, len(g))
		mean[slices.IndexFunc(share, func(s float64) bool { return s > 0 })] = 1
	}
	for range maxIter {
		step := tangent(u, mean, share)
		length := math.Sqrt(math.Max(0, u.product(step, step)))
		if length < tol || length == 0 {
			break
		}
		for i := range mean {
			mean[i] = math.Cos(length)*mean[i] + math.Sin(length)/length*step[i]
		}
		if next := unit(u, mean); next != nil {
			mean = next
		}
	}
	for i := range mean {
		mean[i] *= sum / float64(len(g)) / lengths[i]
	}
	return mean
}

// unit scales the combination c of unit vectors to length 1; nil if they cancel.
func unit(u gram, c []float64) []float64 {
	length := math.Sqrt(math.Max(0, u.product(c, c)))
	if length < directionsCancel {
		return nil
	}
	return scaled(c, 1/length)
}

// tangent returns the mean of the logarithm maps of the directions at mean, as a combination of them.
func tangent(u gram, mean, share []float64) []float64 {
	step := make([]float64, len(mean))
	for i, s := range share {
		e := make([]float64, len(mean))
		e[i] = 1
		cosine := math.Max(-1, math.Min(1, u.product(mean, e)))
		angle := math.Acos(cosine)
		if s == 0 || angle < directionsCancel || math.Pi-angle < directionsCancel {
			continue // equal or opposite: no direction
		}
		factor := s * angle / math.Sin(angle)
		for k := range step {
			step[k] += factor * (e[k] - cosine*mean[k])
		}
	}
	return step
}
