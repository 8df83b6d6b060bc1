package method

import "math"

func init() {
	Register(Method{
		Name: "arcee_fusion",
		Doc:  "take the changes whose importance is an outlier within their tensor, and keep the base elsewhere",
		Formula: "theta = base + m * tau, m = (s >= median(s) + 1.5 * (q3(s) - q1(s))), s = |tau| * KL(softmax(theta_1) || " +
			"softmax(base)) of the row",
		Source: "Arcee, Arcee Fusion (mergekit), 2024",
		Detail: "Rows lie along the last axis. Quartiles are the values of rank int(q*(n-1)), without interpolation. In " +
			"rows of one element the divergence is 0, so that such a tensor is taken from the other model completely. 1e-8 is " +
			"added to probabilities before logarithms are taken, as in the reference.",
		MinModels: 2, MaxModels: 2,
		Base:  true,
		Class: Slices,
		Differs: []Difference{{"mergekit arcee_fusion", "samples a million elements of larger tensors", "uses all of them",
			"results must be reproducible"},
			{"mergekit arcee_fusion", "float32: divergences of almost equal rows are rounding error", "float64",
				"the comparison needs the divergence itself"}},
		New: newArceeFusion,
	})
}

func newArceeFusion(t *Tensor, _ Params) (Mixer, error) {
	row := int(t.RowLen())
	measure := func(out, src [][]float64, _ int64) { t.importance(out[0], src, row) }
	last := float32(t.Len - 1)
	var ranks []int64
	for _, q := range []float32{0.25, 0.5, 0.75} {
		ranks = append(ranks, min(int64(q*last), t.Len-1))
	}
	found, err := orderStatistics(t, int64(row), [][]int64{ranks}, measure)
	if err != nil {
		return Mixer{}, err
	}
	threshold := found[0][1] + 1.5*(found[0][2]-found[0][0])
	return Mixer{Granule: int64(row), Mix: func(dst []float64, src [][]float64, _ int64) {
		t.importance(dst, src, row)
		for i, s := range dst {
			dst[i] = src[0][i]
			if s >= threshold {
				dst[i] = src[1][i]
			}
		}
	}}, nil
}

// importance sets s to the magnitude of each change times the Kullback-Leibler divergence of its row.
func (t *Tensor) importance(s []float64, src [][]float64, row int) {
	p, q := make([]float64, row), make([]float64, row)
	for at := 0; at < len(s); at += row {
		base, tuned := src[0][at:][:row], src[1][at:][:row]
		softmax(p, tuned)
		softmax(q, base)
		divergence := 0.0
		for i := range p {
			const epsilon = 1e-8 // keeps the logarithm finite, as in the reference
			divergence += (p[i] + epsilon) * math.Log((p[i]+epsilon)/(q[i]+epsilon))
		}
		for i := range base {
			s[at+i] = t.rounded(math.Max(0, math.Abs(tuned[i]-base[i])*divergence))
		}
	}
}

func softmax(dst, x []float64) {
	largest := math.Inf(-1)
	for _, v := range x {
		largest = math.Max(largest, v)
	}
	sum := 0.0
	for i, v := range x {
		dst[i] = math.Exp(v - largest)
		sum += dst[i]
	}
	for i := range dst {
		dst[i] /= sum
	}
}
