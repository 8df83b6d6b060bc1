package method

import "gonum.org/v1/gonum/mat"

func init() {
	register(Method{
		Name:    "tsv",
		Doc:     "keep the leading singular directions of every task vector and make them orthogonal to each other (TSV-M)",
		Formula: "theta = base + lambda * Uo diag(s) Vo^T, U, s, V = the int(rank/N) leading triplets of each tau_i, Uo, Vo = nearest orthogonal to U, V",
		Source:  "Gargiulo et al., Task singular vectors: reducing task interference in model merging, CVPR 2025, algorithm 1",
		Detail: "Matrices whose smaller side is below the number of models, and what is no matrix, get the mean of the task vectors. Directions of " +
			"singular value 0 take no part. A convolution's weight is no matrix.",
		MinModels: 2,
		Base:      true,
		Class:     Whole,
		Params:    []Param{lambdaParam()},
		Differs: []Difference{
			{"fusion_bench tsvm", "a task vector of zeros brings arbitrary directions", "none", "they depend on the library that decomposes"},
			{"fusion_bench tsvm", "a matrix with a side below the number of models loses its task vectors", "their mean", "as for what is no matrix"},
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
	k := min(rows, columns) / len(tasks)
	var us, vs []*mat.Dense
	var values []float64
	for _, tau := range tasks {
		u, s, v, err := decompose(tau)
		if err != nil {
			return nil, err
		}
		n := 0
		for n < k && s[n] > negligible*s[0] {
			n++
		}
		if n == 0 {
			continue
		}
		us, vs = append(us, u.Slice(0, rows, 0, n).(*mat.Dense)), append(vs, v.Slice(0, columns, 0, n).(*mat.Dense))
		values = append(values, s[:n]...)
	}
	if len(values) == 0 {
		return mat.NewDense(rows, columns, nil), nil
	}
	u, err := orthogonal(us, rows, len(values))
	if err != nil {
		return nil, err
	}
	v, err := orthogonal(vs, columns, len(values))
	if err != nil {
		return nil, err
	}
	return product(u, values, v), nil
}

// orthogonal puts matrices side by side and returns the nearest matrix with orthogonal
// columns.
func orthogonal(parts []*mat.Dense, rows, columns int) (*mat.Dense, error) {
	all := mat.NewDense(rows, columns, nil)
	at := 0
	for _, part := range parts {
		_, n := part.Dims()
		all.Slice(0, rows, at, at+n).(*mat.Dense).Copy(part)
		at += n
	}
	u, _, v, err := decompose(all)
	if err != nil {
		return nil, err
	}
	var out mat.Dense
	out.Mul(u, v.T())
	return &out, nil
}
