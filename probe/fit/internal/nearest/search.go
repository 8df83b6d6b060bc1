package nearest

import "slices"

// search is the search of the k samples nearest to a row a, in single precision.
//
// With u = 2^-24, a product of rows rounded to float32, summed in any order, differs from a b by at most (d + 2) u |a|
// |b| (Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition, section 3.1), and |b|^2 - 2 a b, with the
// roundings of its terms, by at most e = 8 u |b|^2 + (2 (d + 8) + 16) u |a| |b|. So the computed value less e is a lower
// bound, and that plus 2 e an upper one.
type search struct {
	k     int
	slack float32 // |a| times the bound of a product's rounding, as a share of |b|
	limit float32 // the k-th smallest upper bound; infinite before
	upper []float32
	found []candidate // with their lower bounds; those of which the limit was above
}

// add searches samples from lo on, given their products with the row, squares less rounding, and norms.
func (s *search) add(lo int, products, low, size []float32) {
	low, size = low[:len(products)], size[:len(products)]
	slack, limit := s.slack, s.limit
	for j, p := range products {
		bound := low[j] - 2*p - slack*size[j]
		if bound > limit {
			continue
		}
		s.keep(lo+j, bound, bound+2*slack*size[j]+16*unit32*size[j]*size[j]+2*underflow)
		limit = s.limit
	}
}

// keep adds a candidate with its bounds. NaN, beyond float32, is kept and limits nothing.
func (s *search) keep(at int, lower, upper float32) {
	s.found = append(s.found, candidate{at, float64(lower)})
	if !(upper < s.limit) {
		return
	}
	i, _ := slices.BinarySearch(s.upper, upper)
	s.upper = slices.Insert(s.upper, i, upper)
	if len(s.upper) >= s.k {
		s.upper = s.upper[:s.k]
		s.limit = s.upper[s.k-1]
	}
}

// narrow drops the candidates whose lower bounds exceed the limit.
func (s *search) narrow() {
	limit := float64(s.limit)
	s.found = slices.DeleteFunc(s.found, func(c candidate) bool { return c.d > limit })
}
