package method

import "gonum.org/v1/gonum/mat"

func init() {
	register(Method{
		Name:    "iso_c",
		Doc:     "make the spectrum of the summed task vectors flat, so that no task's directions drown another's (Iso-C)",
		Formula: "theta = base + lambda * mean(s) * U V^T, U s V^T = sum_i tau_i; other than matrices: base + lambda * mean_i tau_i",
		Source:  "Marczak et al., No task left behind: isotropic model merging with common and task-specific subspaces, ICML 2025, eq. 5",
		Detail: "Directions of singular value 0 stay 0: they are not determined. Of a sum that is 0 nothing is added. A convolution's " +
			"weight is no matrix.",
		MinModels: 2,
		Base:      true,
		Class:     Whole,
		Params:    []Param{lambdaParam()},
		Differs: []Difference{{"fusion_bench iso_c", "directions of singular value 0 count as any", "they add nothing",
			"they depend on the library that decomposes"}},
		Falls: fallsToMean,
		New: func(t *Tensor, p Params) (Mixer, error) {
			if !isMatrix(t.Dims) {
				return meanOfTasks(t, p.Number("lambda"))
			}
			return wholeMatrix(t, p.Number("lambda"), isotropic)
		},
	})
}

func isotropic(tasks []*mat.Dense) (*mat.Dense, error) {
	var sum mat.Dense
	sum.CloneFrom(tasks[0])
	for _, tau := range tasks[1:] {
		sum.Add(&sum, tau)
	}
	u, s, v, err := decompose(&sum)
	if err != nil {
		return nil, err
	}
	mean := total(s) / float64(len(s))
	scale := make([]float64, len(s))
	for i, x := range s {
		if x > negligible*s[0] {
			scale[i] = mean
		}
	}
	return product(u, scale, v), nil
}
