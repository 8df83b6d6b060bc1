package method

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

func init() {
	Register(Method{
		Name: "iso_cts",
		Doc:  "as iso_c, with the weakest common directions replaced by directions of each single task (Iso-CTS)",
		Formula: "theta = base + lambda * mean(s) * Uo Vo^T, U s V^T = the k leading triplets of sum_i tau_i and (r-k)/N " +
			"of each tau_i projected on their orthogonal complement, " +
			"Uo, Vo = nearest orthogonal to U, V",
		Source: "Marczak et al., No task left behind: isotropic model merging with common and task-specific subspaces, " +
			"ICML 2025, algorithm 2",
		Detail: "r is the smaller dimension of the matrix; k is common * r, adjusted so that the rest divides by the " +
			"number of tasks, as in the reference. Directions of singular value 0 are not determined and are ignored. A " +
			"convolution's weight does not count as a matrix.",
		MinModels: 2,
		Base:      true,
		Class:     Whole,
		Params: []Param{
			lambdaParam(),
			{Name: "common", Doc: "share of common directions", Default: 0.8, Min: 0, Max: 1},
		},
		Differs: []Difference{
			{"fusion_bench iso_cts", "directions of singular value 0 count as others do", "ignores them",
				"they depend on the library that decomposes"},
			{"fusion_bench iso_cts", "fails if rounding assigns the tasks more directions than there are",
				"limits the number of directions", "a small matrix must not stop a merge"},
		},
		Falls: fallsToMean,
		New: func(t *Tensor, p Params) (Mixer, error) {
			if !isMatrix(t.Dims) {
				return meanOfTasks(t, p.Number("lambda"))
			}
			return wholeMatrix(t, p.Number("lambda"), func(tasks []*mat.Dense) (*mat.Dense, error) {
				return commonAndSpecific(tasks, p.Number("common"))
			})
		},
	})
}

// commonAndSpecific computes Iso-CTS: the leading directions of the sum, the leading directions of each task
// orthogonal to them, and one singular value for all.
func commonAndSpecific(tasks []*mat.Dense, common float64) (*mat.Dense, error) {
	var sum mat.Dense
	sum.CloneFrom(tasks[0])
	for _, tau := range tasks[1:] {
		sum.Add(&sum, tau)
	}
	rows, columns := sum.Dims()
	rank := min(rows, columns)
	own := ownDirections(rank, len(tasks), common)
	shared, err := leading(&sum, rank-own*len(tasks))
	if err != nil {
		return nil, err
	}
	all := []triplets{shared}
	for _, tau := range tasks {
		rest := tau
		if own > 0 {
			rest = without(shared.u, tau)
		}
		t, err := leading(rest, own)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	t, err := nearestOrthogonal(all, rows, columns)
	if err != nil || len(t.s) == 0 {
		return mat.NewDense(rows, columns, nil), err
	}
	mean := total(t.s) / float64(rank)
	for i := range t.s {
		t.s[i] = mean
	}
	return t.product(), nil
}

// ownDirections returns the number of directions of each single task. The reference rounds halves to even, as Python
// does.
func ownDirections(rank, tasks int, common float64) int {
	rest := rank - int(float64(rank)*common)
	return min(int(math.RoundToEven(float64(rest)/float64(tasks))), rank/tasks)
}

// without returns a minus its projection on the columns of u; u may be nil.
func without(u, a *mat.Dense) *mat.Dense {
	if u == nil {
		return a
	}
	var coordinates, out mat.Dense
	coordinates.Mul(u.T(), a)
	out.Mul(u, &coordinates)
	out.Sub(a, &out)
	return &out
}
