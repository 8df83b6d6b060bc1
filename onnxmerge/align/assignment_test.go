package align

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// Sums are those of all permutations.
func TestAssignIsBest(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 8 {
		for range 60 {
			gain := randomGain(rng, n)
			perm := Assign(gain, n)
			if got, want := total(gain, perm), best(gain, n, 0, make([]bool, n)); math.Abs(got-want) > 1e-9*float64(n+1) {
				t.Fatalf("n %d: sum %v of %v, want %v", n, got, perm, want)
			}
		}
	}
}

// A permutation is the best if prices exist with which no row would gain by another column (complementary slackness).
func TestAssignHasPrices(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{20, 100, 300} {
		for range 6 {
			gain := randomGain(rng, n)
			s := newAssignment(gain, n)
			perm := s.column
			free := s.reduceColumns()
			for range 2 {
				free = s.reduceRows(free)
			}
			for _, i := range free {
				s.augment(i)
			}
			checkPermutation(t, perm)
			for i, j := range perm {
				own := s.cost(i, j) - s.price[j]
				for k := range n {
					if other := s.cost(i, k) - s.price[k]; other < own-1e-9 {
						t.Fatalf("n %d: row %d has column %d at %g, and %d is at %g", n, i, j, own, k, other)
					}
				}
			}
		}
	}
}

// Equal gains leave units where they are, at any scale; a unit that is better elsewhere moves.
func TestAssignTies(t *testing.T) {
	t.Parallel()
	for _, scale := range []float64{0, 1e-20, 1, 1e12} {
		for _, n := range []int{1, 2, 9, 64} {
			gain := make([]float64, n*n)
			for i := range gain {
				gain[i] = scale
			}
			for i, j := range Assign(gain, n) {
				if i != j {
					t.Errorf("scale %g, n %d: unit %d moved to %d", scale, n, i, j)
				}
			}
		}
	}
	gain := []float64{1, 1, 0, 1, 1, 0, 0, 0, 1}
	if perm := Assign(gain, 3); fmt.Sprint(perm) != "[0 1 2]" {
		t.Errorf("two equal units moved: %v", perm)
	}
	gain = []float64{1, 1.001, 0, 1.001, 1, 0, 0, 0, 1}
	if perm := Assign(gain, 3); fmt.Sprint(perm) != "[1 0 2]" {
		t.Errorf("two better places: %v", perm)
	}
}

func BenchmarkAssign(b *testing.B) {
	for _, n := range []int{256, 1024} {
		for _, kind := range []string{"uniform", "planted"} {
			b.Run(fmt.Sprintf("n=%d/%s", n, kind), func(b *testing.B) {
				rng := rand.New(rand.NewPCG(5, 6))
				gain := make([]float64, n*n)
				for i := range gain {
					gain[i] = rng.Float64()
				}
				for i, j := range rng.Perm(n) {
					if kind == "planted" {
						gain[i*n+j] += 1
					}
				}
				for b.Loop() {
					Assign(gain, n)
				}
			})
		}
	}
}

// randomGain returns a matrix of numbers, small integers with many ties, or products of two vectors.
func randomGain(rng *rand.Rand, n int) []float64 {
	gain := make([]float64, n*n)
	kind := rng.IntN(3)
	u, v := make([]float64, n), make([]float64, n)
	for i := range n {
		u[i], v[i] = rng.NormFloat64(), rng.NormFloat64()
	}
	for i := range n {
		for j := range n {
			switch kind {
			case 0:
				gain[i*n+j] = rng.NormFloat64()
			case 1:
				gain[i*n+j] = float64(rng.IntN(4))
			case 2:
				gain[i*n+j] = u[i] * v[j]
			}
		}
	}
	return gain
}

func total(gain []float64, perm []int) (sum float64) {
	for i, j := range perm {
		sum += gain[i*len(perm)+j]
	}
	return sum
}

// best returns the largest sum of the rows from i on with the columns that are not used.
func best(gain []float64, n, i int, used []bool) float64 {
	if i == n {
		return 0
	}
	largest := math.Inf(-1)
	for j := range n {
		if !used[j] {
			used[j] = true
			largest = max(largest, gain[i*n+j]+best(gain, n, i+1, used))
			used[j] = false
		}
	}
	return largest
}

func checkPermutation(t *testing.T, perm []int) {
	t.Helper()
	seen := make([]bool, len(perm))
	for _, j := range perm {
		if j < 0 || j >= len(perm) || seen[j] {
			t.Fatalf("not a permutation: %v", perm)
		}
		seen[j] = true
	}
}
