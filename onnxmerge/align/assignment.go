package align

import "math"

// tie is added to the gains of the identity, relative to the largest gain: units that are as good elsewhere stay where
// they are. An absolute constant would be below rounding once gains exceed 1e4.
const tie = 1e-12

// Assign returns the permutation that maximises the sum of gain[i*n+perm[i]] over all i, for a square matrix in
// row-major order. Equal sums go to the identity. Gains must be finite. It takes O(n^3) steps at worst and 48 n bytes.
//
// The algorithm is that of Jonker and Volgenant (Computing 38, 1987): column reduction, augmenting row reduction, then
// shortest augmenting paths (Dijkstra) for the rows that are left.
func Assign(gain []float64, n int) []int {
	s := newAssignment(gain, n)
	free := s.reduceColumns()
	for range 2 {
		free = s.reduceRows(free)
	}
	for _, row := range free {
		s.augment(row)
	}
	return s.column
}

// assignment minimises the sum of cost, which is the negative gain. price is the dual variable of each column: the
// reduced cost of (i, j) is cost(i, j) - price[j].
type assignment struct {
	gain   []float64
	n      int
	bonus  float64   // of the identity
	price  []float64 // per column
	column []int     // per row, -1 if it has none
	row    []int     // per column, -1 if it has none

	distance []float64 // per column, from the row that augment starts with
	before   []int     // per column, the row before it on the shortest path
	columns  []int     // in the order: done, at the current distance, the others
}

func newAssignment(gain []float64, n int) *assignment {
	s := &assignment{gain: gain, n: n, price: make([]float64, n), column: make([]int, n), row: make([]int, n),
		distance: make([]float64, n), before: make([]int, n), columns: make([]int, n)}
	var largest float64
	for _, g := range gain {
		largest = max(largest, math.Abs(g))
	}
	s.bonus = tie * largest
	for i := range n {
		s.column[i], s.row[i] = -1, -1
	}
	return s
}

// cost returns the cost of giving a column to a row.
func (s *assignment) cost(row, column int) float64 {
	c := -s.gain[row*s.n+column]
	if row == column {
		c -= s.bonus
	}
	return c
}

// reduceColumns gives each column to its cheapest row, the diagonal first, if that row has none; it returns the rows
// without a column.
func (s *assignment) reduceColumns() (free []int) {
	best := make([]int, s.n)
	for j := range s.n {
		s.price[j], best[j] = s.cost(j, j), j
	}
	for i := range s.n { // row by row, in the order of memory
		for j := range s.n {
			if c := s.cost(i, j); c < s.price[j] {
				s.price[j], best[j] = c, i
			}
		}
	}
	for j, i := range best {
		if i == j {
			s.assign(i, j)
		}
	}
	for j, i := range best {
		if s.row[j] < 0 && s.column[i] < 0 {
			s.assign(i, j)
		}
	}
	for i, j := range s.column {
		if j < 0 {
			free = append(free, i)
		}
	}
	return free
}

func (s *assignment) assign(row, column int) { s.column[row], s.row[column] = column, row }

// reduceRows gives each free row its cheapest column, whose price falls by the distance to the second cheapest. A row
// that loses its column takes its turn at once if a price fell, else with the rows that are returned.
func (s *assignment) reduceRows(free []int) (left []int) {
	for k, steps := 0, 0; k < len(free); {
		i := free[k]
		k++
		j1, j2, u1, u2 := s.twoCheapest(i)
		other := s.row[j1]
		falls := u1 < u2 && s.price[j1]-(u2-u1) < s.price[j1] // the difference may be below rounding
		switch {
		case falls && j2 >= 0:
			s.price[j1] -= u2 - u1
		case other >= 0 && j2 >= 0:
			j1, other = j2, s.row[j2]
		}
		s.assign(i, j1)
		if other < 0 {
			continue
		}
		s.column[other] = -1
		if steps++; falls && steps < 4*s.n {
			k--
			free[k] = other
			continue
		}
		left = append(left, other)
	}
	return left
}

// twoCheapest returns the two columns of the least reduced costs of a row; of equals the assigned ones come last. j2 is
// -1 if there is one column.
func (s *assignment) twoCheapest(i int) (j1, j2 int, u1, u2 float64) {
	j1, j2, u1, u2 = -1, -1, math.Inf(1), math.Inf(1)
	for j := range s.n {
		switch h := s.cost(i, j) - s.price[j]; {
		case h < u1 || h == u1 && s.row[j] < 0 && s.row[j1] >= 0:
			j1, j2, u1, u2 = j, j1, h, u1
		case h < u2 || j2 < 0:
			j2, u2 = j, h
		}
	}
	return j1, j2, u1, u2
}

// augment finds the shortest path from a free row to a free column, raises prices so that reduced costs along it are 0,
// and moves the assignment along it.
func (s *assignment) augment(start int) {
	for j := range s.n {
		s.columns[j], s.before[j], s.distance[j] = j, start, s.cost(start, j)-s.price[j]
	}
	done, end, last, least := 0, 0, -1, 0.
	for last < 0 {
		known := done
		if done == end {
			end, least = s.nearest(done)
			last = s.freeColumn(done, end)
			if last >= 0 {
				break
			}
		}
		j := s.columns[known]
		done++
		end, last = s.relax(j, end, least)
	}
	for _, j := range s.columns[:done] {
		s.price[j] += s.distance[j] - least
	}
	for j := last; ; {
		i := s.before[j]
		next := s.column[i]
		s.assign(i, j)
		if i == start {
			return
		}
		j = next
	}
}

// nearest moves the columns of the least distance to the front of those that are not done.
func (s *assignment) nearest(done int) (end int, least float64) {
	end, least = done, math.Inf(1)
	for k := done; k < s.n; k++ {
		j := s.columns[k]
		if d := s.distance[j]; d <= least {
			if d < least {
				end, least = done, d
			}
			s.columns[k], s.columns[end] = s.columns[end], j
			end++
		}
	}
	return end, least
}

// freeColumn returns a column without a row, or -1.
func (s *assignment) freeColumn(from, to int) int {
	for _, j := range s.columns[from:to] {
		if s.row[j] < 0 {
			return j
		}
	}
	return -1
}

// relax follows the row of a column at the distance least; it returns a free column at that distance, or -1.
func (s *assignment) relax(column, end int, least float64) (int, int) {
	i := s.row[column]
	h := s.cost(i, column) - s.price[column] - least
	for k := end; k < s.n; k++ {
		j := s.columns[k]
		d := s.cost(i, j) - s.price[j] - h
		if d >= s.distance[j] {
			continue
		}
		s.before[j], s.distance[j] = i, d
		if d > least {
			continue
		}
		if s.row[j] < 0 {
			return end, j
		}
		s.columns[k], s.columns[end] = s.columns[end], j
		end++
	}
	return end, -1
}
