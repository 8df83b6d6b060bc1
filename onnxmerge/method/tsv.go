package method

import "gonum.org/v1/gonum/mat"

func init() {
	Register(Method{
		Name: "tsv",
		Doc:  "keep the leading singular directions of every task vector and orthogonalise them (TSV-M)",
		Formula: "theta = base + lambda * Uo diag(s) Vo^T, U, s, V = the int(rank/N) leading triplets of each tau_i, Uo, " +
			"Vo = nearest orthogonal to U, V",
		Source: "Gargiulo et al., Task singular vectors: reducing task interference in model merging, CVPR 2025, " +
			"algorithm 1",
		Detail: "Tensors that are not matrices, and matrices whose smaller dimension is below the number of task vectors, " +
			"get the mean of the task vectors. Directions of singular value 0 are ignored. A convolution's weight does not " +
			"count as a matrix.",
		MinModels: 2,
		Base:      true,
		Class:     Whole,
		Params:    []Param{lambdaParam()},
		Differs: []Difference{
			{"fusion_bench tsvm", "a task vector of zeros contributes arbitrary directions", "it contributes none",
				"they depend on the library that decomposes"},
			{"fusion_bench tsvm", "a matrix with a dimension below the number of models loses its task vectors",
				"takes their mean", "as for tensors that are not matrices"},
		},
		Falls: fallsToMean,
		New: func(t *Tensor, p Params) (Mixer, error) {
			if !isMatrix(t.Dims) || min(t.Dims[0], t.Dims[1]) < int64(t.Models-1) {
				return meanOfTasks(t, p.Number("lambda"))
			}
			return wholeMatrix(t, p.Number("lambda"), taskSingularVectors)
		},
	})
}

func taskSingularVectors(tasks []*mat.Dense) (*mat.Dense, error) {
	rows, columns := tasks[0].Dims()
	var all []triplets
	for _, tau := range tasks {
		t, err := leading(tau, min(rows, columns)/len(tasks))
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	t, err := nearestOrthogonal(all, rows, columns)
	if err != nil || len(t.s) == 0 {
		return mat.NewDense(rows, columns, nil), err
	}
	return t.product(), nil
}
