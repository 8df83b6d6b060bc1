package method

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

func init() {
	register(Method{
		Name: "iso_cts",
		Doc:  "like iso_c, and the weakest common directions make room for each task's own (Iso-CTS)",
		Formula: "theta = base + lambda * mean(s) * Uo Vo^T, U s V^T = the k leading triplets of sum_i tau_i and (r-k)/N of each tau_i without the space of these, " +
			"Uo, Vo = nearest orthogonal to U, V",
		Source: "Marczak et al., No task left behind: isotropic model merging with common and task-specific subspaces, ICML 2025, algorithm 2",
		Detail: "r is the smaller side of the matrix; k is common * r, changed so that the rest can be shared out, as in the reference. Directions of singular " +
			"value 0 take no part: they are not determined. A convolution's weight is no matrix.",
		MinModels: 2,
		Base:      true,
		Class:     Whole,
		Params: []Param{
			lambdaParam(),
			{Name: "common", Doc: "share of the directions that are common ones", Default: 0.8, Min: 0, Max: 1},
		},
		Differs: []Difference{
			{"fusion_bench iso_cts", "directions of singular value 0 count as any", "they add nothing", "they depend on the library that decomposes"},
			{"fusion_bench iso_cts", "fails where rounding gives the tasks more directions than there are", "they get none", "a small matrix must not stop a merge"},
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

// commonAndSpecific is Iso-CTS: the leading directions of the sum, those of each task
// that are orthogonal to them, and one singular value for all.
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
	u, s, v, err := nearestOrthogonal(all, rows, columns)
	if err != nil || len(s) == 0 {
		return mat.NewDense(rows, columns, nil), err
	}
	mean := total(s) / float64(rank)
	for i := range s {
		s[i] = mean
	}
	return product(u, s, v), nil
}

// ownDirections is how many directions of rank each task has for itself. The reference
// rounds halves to the even number, as Python does.
func ownDirections(rank, tasks int, common float64) int {
	rest := rank - int(float64(rank)*common)
	return min(int(math.RoundToEven(float64(rest)/float64(tasks))), rank/tasks)
}

// without returns a less its projection on the columns of u; u may be nil.
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
