package corrupt

import "math"

// linearSolver solves A x = b for one A and many b by LU decomposition with partial pivoting. Products are rounded
// before they are subtracted, so that every processor gives the same bits, which gonum's assembly does not guarantee.
type linearSolver struct {
	lu    [][]float64 // L below the diagonal, which is 1, and U
	pivot []int       // row that came to row i
}

// newLinearSolver decomposes a, which must be square and regular, in place.
func newLinearSolver(a [][]float64) linearSolver {
	n := len(a)
	s := linearSolver{lu: a, pivot: make([]int, n)}
	for k := range n {
		largest := k
		for i := k + 1; i < n; i++ {
			if math.Abs(a[i][k]) > math.Abs(a[largest][k]) {
				largest = i
			}
		}
		s.pivot[k] = largest
		a[k], a[largest] = a[largest], a[k]
		for i := k + 1; i < n; i++ {
			a[i][k] /= a[k][k]
			for j := k + 1; j < n; j++ {
				a[i][j] -= float64(a[i][k] * a[k][j])
			}
		}
	}
	return s
}

// solve replaces b by x.
func (s *linearSolver) solve(b []float64) {
	for k, from := range s.pivot {
		b[k], b[from] = b[from], b[k]
	}
	for i, row := range s.lu {
		for j := range i {
			b[i] -= float64(row[j] * b[j])
		}
	}
	for i := len(b) - 1; i >= 0; i-- {
		row := s.lu[i]
		for j := i + 1; j < len(b); j++ {
			b[i] -= float64(row[j] * b[j])
		}
		b[i] /= row[i]
	}
}
