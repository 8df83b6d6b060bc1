package method

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// decompose returns the thin singular value decomposition of a, values descending.
func decompose(a mat.Matrix) (u *mat.Dense, s []float64, v *mat.Dense, err error) {
	if sum := mat.Sum(a); math.IsNaN(sum) || math.IsInf(sum, 0) {
		return nil, nil, nil, errors.New("a number is NaN or infinite")
	}
	var svd mat.SVD
	if !svd.Factorize(a, mat.SVDThin) {
		return nil, nil, nil, errors.New("the singular value decomposition does not converge")
	}
	u, v = new(mat.Dense), new(mat.Dense)
	svd.UTo(u)
	svd.VTo(v)
	return u, svd.Values(nil), v, nil
}

// isMatrix reports whether a tensor has two axes of more than nothing.
func isMatrix(dims []int64) bool { return len(dims) == 2 }

// meanOfTasks is the mixer of tensors that are no matrices.
func meanOfTasks(t *Tensor, factor float64) (Mixer, error) {
	n := t.Models - 1
	c := make([]float64, n)
	for i := range c {
		c[i] = factor / float64(n)
	}
	return blocks(combineTasks(c))
}

// fallsToMean is the Falls of methods of matrices.
func fallsToMean(dims []int64, _ Params) string {
	if isMatrix(dims) {
		return ""
	}
	return "no matrix: the mean of the task vectors"
}

// wholeMatrix is the mixer of base + factor * merge(task vectors).
func wholeMatrix(t *Tensor, factor float64, merge func(tasks []*mat.Dense) (*mat.Dense, error)) (Mixer, error) {
	rows, columns := int(t.Dims[0]), int(t.Dims[1])
	mix := func(dst []float64, src [][]float64, _ int64) {
		fromBase(src)
		var tasks []*mat.Dense
		for _, tau := range src[1:] {
			tasks = append(tasks, mat.NewDense(rows, columns, tau))
		}
		merged, err := merge(tasks)
		if err != nil {
			for i := range dst {
				dst[i] = src[0][i]
			}
			t.Note(fmt.Sprintf("tensor %q: %v; the base is kept", t.ID, err))
			return
		}
		for i, v := range merged.RawMatrix().Data {
			dst[i] = src[0][i] + float64(factor*v)
		}
	}
	return Mixer{Granule: t.Len, Mix: mix}, nil
}
