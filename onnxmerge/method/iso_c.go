package method

import "gonum.org/v1/gonum/mat"

func init() {
	Register(Method{
		Name: "iso_c",
		Doc:  "flatten the spectrum of the sum of task vectors, so that all tasks' directions have equal weight (Iso-C)",
		Formula: "theta = base + lambda * mean(s) * U V^T, U s V^T = sum_i tau_i; for tensors that are not matrices: base " +
			"+ lambda * mean_i tau_i",
		Source: "Marczak et al., No task left behind: isotropic model merging with common and task-specific subspaces, " +
			"ICML 2025, eq. 5",
		Detail: "Directions of singular value 0 are not determined and keep the value 0. If the sum is 0, the base is " +
			"kept. A convolution's weight does not count as a matrix.",
		MinModels: 2,
		Base:      true,
		Class:     Whole,
		Params:    []Param{lambdaParam()},
		Differs: []Difference{{"fusion_bench iso_c", "directions of singular value 0 count as others do", "ignores them",
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
	t, err := decompose(&sum)
	if err != nil {
		return nil, err
	}
	mean, largest := total(t.s)/float64(len(t.s)), t.s[0]
	for i, x := range t.s {
		t.s[i] = 0
		if x > negligible*largest {
			t.s[i] = mean
		}
	}
	return t.product(), nil
}
