package method

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// decompose returns the thin singular value decomposition of a, singular values descending.
func decompose(a mat.Matrix) (triplets, error) {
	if sum := mat.Sum(a); math.IsNaN(sum) || math.IsInf(sum, 0) {
		return triplets{}, errors.New("an element is NaN or infinite")
	}
	var svd mat.SVD
	if !svd.Factorize(a, mat.SVDThin) {
		return triplets{}, errors.New("the singular value decomposition does not converge")
	}
	t := triplets{u: new(mat.Dense), s: svd.Values(nil), v: new(mat.Dense)}
	svd.UTo(t.u)
	svd.VTo(t.v)
	return t, nil
}

// negligible is the ratio to the largest singular value below which a singular value is rounding error.
const negligible = 1e-12

// triplets are singular values and their vectors, the columns of u and v. u and v are nil if there are none.
type triplets struct {
	u *mat.Dense
	s []float64
	v *mat.Dense
}

// leading returns the k leading triplets of a, or fewer: those of singular value 0 are left out, because their
// vectors are not determined.
func leading(a mat.Matrix, k int) (triplets, error) {
	all, err := decompose(a)
	if err != nil {
		return triplets{}, err
	}
	n := 0
	for n < k && all.s[n] > negligible*all.s[0] {
		n++
	}
	if n == 0 {
		return triplets{}, nil
	}
	rows, columns := a.Dims()
	return triplets{all.u.Slice(0, rows, 0, n).(*mat.Dense), all.s[:n], all.v.Slice(0, columns, 0, n).(*mat.Dense)}, nil
}

// nearestOrthogonal concatenates triplets and replaces their vectors by the nearest orthonormal ones.
func nearestOrthogonal(parts []triplets, rows, columns int) (t triplets, err error) {
	var us, vs []*mat.Dense
	for _, p := range parts {
		if len(p.s) > 0 {
			us, t.s, vs = append(us, p.u), append(t.s, p.s...), append(vs, p.v)
		}
	}
	if len(t.s) == 0 {
		return t, nil
	}
	if t.u, err = orthogonal(us, rows, len(t.s)); err != nil {
		return triplets{}, err
	}
	t.v, err = orthogonal(vs, columns, len(t.s))
	return t, err
}

// orthogonal concatenates matrices and returns the nearest matrix with orthonormal columns.
func orthogonal(parts []*mat.Dense, rows, columns int) (*mat.Dense, error) {
	all := mat.NewDense(rows, columns, nil)
	at := 0
	for _, part := range parts {
		_, n := part.Dims()
		all.Slice(0, rows, at, at+n).(*mat.Dense).Copy(part)
		at += n
	}
	t, err := decompose(all)
	if err != nil {
		return nil, err
	}
	var out mat.Dense
	out.Mul(t.u, t.v.T())
	return &out, nil
}

// product returns U diag(s) V^T.
func (t triplets) product() *mat.Dense {
	var scaled, out mat.Dense
	scaled.Apply(func(_, j int, x float64) float64 { return x * t.s[j] }, t.u)
	out.Mul(&scaled, t.v.T())
	return &out
}

// isMatrix reports whether a tensor has two axes.
func isMatrix(dims []int64) bool { return len(dims) == 2 }

// meanOfTasks returns the Mixer of tensors that are not matrices: base + factor * mean_i tau_i.
func meanOfTasks(t *Tensor, factor float64) (Mixer, error) {
	n := t.Models - 1
	c := make([]float64, n)
	for i := range c {
		c[i] = factor / float64(n)
	}
	return blocks(combineTasks(c))
}

// fallsToMean is Method.Falls of methods of matrices.
func fallsToMean(dims []int64, _ Params) string {
	if isMatrix(dims) {
		return ""
	}
	return "no matrix: the mean of the task vectors"
}

// wholeMatrix returns the Mixer base + factor * merge(task vectors).
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
