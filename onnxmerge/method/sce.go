package method

import (
	"fmt"
	"math"
)

func init() {
	Register(Method{
		Name: "sce",
		Doc: "select the elements that differ most between models, calculate weights from mean squared changes, erase " +
			"minority signs",
		Formula: "theta = base + sum_i c_i tau_i / sum_i c_i over the selected tau_i that agree with the sign of sum_i " +
			"tau_i, c_i = mean(tau_i^2)",
		Source: "Wan et al., FuseChat: knowledge fusion of chat models, 2024, section 3.3; as in mergekit",
		Detail: "Selected are the share select_topk of the elements whose variance over the models is not 0, and those " +
			"equal in variance to the last of them; if none is selected, the base is kept.",
		MinModels: 2,
		Base:      true,
		Class:     Passes,
		Params: []Param{{Name: "select_topk", Doc: "share of the differing elements that is selected", Default: 1.0,
			Min: 0, Max: 1}},
		Differs: []Difference{
			{"mergekit sce", "changes whose mean squares sum to less than 1e-6 get equal weights", "only changes of 0 do",
				"changes of fine-tuning are often that small"},
			{"mergekit sce before 0.1.5", "an empty selection gives a tensor of another shape", "keeps the base",
				"as mergekit 0.1.5 does"},
		},
		New: newSCE,
	})
}

func newSCE(t *Tensor, p Params) (Mixer, error) {
	threshold, err := sceThreshold(t, p.Number("select_topk"))
	if err != nil {
		return Mixer{}, err
	}
	if math.IsInf(threshold, 1) {
		if topk := p.Number("select_topk"); topk > 0 && topk < 1 {
			t.Note(fmt.Sprintf("tensor %q: no variance over the models is selected, or variances overflow float32; "+
				"the base is kept", t.ID))
		}
		return copyOf(0), nil
	}
	weights, err := sum(t, 1, t.Models-1, func(total []float64, src [][]float64, _ int64) {
		t.selectVarying(src, threshold)
		for m, tau := range src[1:] {
			total[m] += dot(tau, tau)
		}
	})
	if err != nil {
		return Mixer{}, err
	}
	if all := total(weights); all > 0 {
		weights = scaled(weights, 1/all)
	}
	return blocks(func(dst []float64, src [][]float64, _ int64) {
		t.selectVarying(src, threshold)
		for i := range dst {
			elected := sumAt(src[1:], i) >= 0
			num, den := 0.0, 0.0
			for m, tau := range src[1:] {
				if v := tau[i]; v != 0 && (v > 0) == elected || v != v {
					num += float64(weights[m] * v)
					den += weights[m]
				}
			}
			if den > 0 || num != num {
				num /= den
			}
			dst[i] = src[0][i] + num
		}
	})
}

// sceThreshold returns the least selected variance: +Inf if none is selected, 0 if all are.
func sceThreshold(t *Tensor, topk float64) (float64, error) {
	switch topk {
	case 0:
		return math.Inf(1), nil
	case 1:
		return 0, nil
	}
	measure := func(out, src [][]float64, _ int64) {
		fromBase(src)
		for i := range out[0] {
			out[0][i] = variance(src[1:], i)
		}
	}
	varying, err := sum(t, 1, 1, func(total []float64, src [][]float64, _ int64) {
		fromBase(src)
		for i := range src[0] {
			if t.rounded(variance(src[1:], i)) != 0 {
				total[0]++
			}
		}
	})
	if err != nil {
		return 0, err
	}
	k := share(topk, int64(varying[0]))
	if k == 0 {
		return math.Inf(1), nil
	}
	found, err := orderStatistics(t, 1, [][]int64{{rankAt(t.Len, k)}}, measure)
	if err != nil {
		return 0, err
	}
	return found[0][0], nil
}

// selectVarying converts models to task vectors, set to 0 where their variance is below threshold.
func (t *Tensor) selectVarying(src [][]float64, threshold float64) {
	fromBase(src)
	if threshold == 0 {
		return
	}
	for i := range src[0] {
		if t.rounded(variance(src[1:], i)) < threshold {
			for _, tau := range src[1:] {
				tau[i] = 0
			}
		}
	}
}

// variance returns the population variance of element i over the models.
func variance(v [][]float64, i int) float64 {
	mean := sumAt(v, i) / float64(len(v))
	sum := 0.0
	for _, x := range v {
		d := x[i] - mean
		sum += float64(d * d)
	}
	return sum / float64(len(v))
}
