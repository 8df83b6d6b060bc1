package corrupt

import (
	"cmp"
	"encoding/json"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

// TestNumPyOrder compares sort and partition of numbers with many equal ones with numpy's;
// testdata/order.py made the vectors.
func TestNumPyOrder(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/order.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Values  []float32
		Argsort []int
		K       []int
		Parts   [][]int
	}
	if err := json.Unmarshal(text, &vectors); err != nil || len(vectors) < 10 {
		t.Fatalf("%d vectors (%v)", len(vectors), err)
	}
	for i, v := range vectors {
		order := make([]int, len(v.Values))
		for k := range order {
			order[k] = k
		}
		introsort(v.Values, order)
		if !slices.Equal(order, v.Argsort) {
			t.Errorf("vector %d: sorted as %v, want %v", i, order, v.Argsort)
		}
		for n, k := range v.K {
			if got := argpartition(v.Values, k); !slices.Equal(got, v.Parts[n]) {
				t.Errorf("vector %d: parted at %d as %v, want %v", i, k, got, v.Parts[n])
			}
		}
	}
}

// TestShuffleFarFirst compares the shortcut with a full shuffle and sort, on clouds without and with equal distances.
func TestShuffleFarFirst(t *testing.T) {
	t.Parallel()
	for _, levels := range []int{1 << 20, 8, 1} {
		rng := rand.New(rand.NewPCG(1, uint64(levels)))
		points := make([]Point, 300)
		for i := range points {
			for k := range 3 {
				points[i][k] = single(float64(rng.IntN(levels)) / float64(levels))
			}
		}
		short, long := Cloud{Points: slices.Clone(points)}, Cloud{Points: slices.Clone(points)}
		short.shuffleFarFirst(rand.New(rand.NewPCG(5, 6)))
		long.scratch.numbers = make([]ranked, len(points))
		long.farFirstAsNumPy(long.draw(rand.New(rand.NewPCG(5, 6)), nil))
		if !slices.Equal(short.Points, long.Points) {
			t.Errorf("%d levels: the short cut gives another order", levels)
		}
	}
}

// TestBendStaysOutside moves all control points by one vector: points in the box move by it, points outside do not.
func TestBendStaysOutside(t *testing.T) {
	t.Parallel()
	var move [3][lattice * lattice * lattice]float64
	for i := range move[1] {
		move[1][i] = 0.25
	}
	for p, want := range map[Point]Point{
		{0, 0, 0}: {0, 0.5, 0}, {1, -1, 0.5}: {1, -0.5, 0.5},
		{1.5, 0, 0}: {1.5, 0, 0}, {0, -1.5, 0}: {0, -1.5, 0}, {0, 0, 2}: {0, 0, 2},
	} {
		if got := bend(p, &move); got != want {
			t.Errorf("%v becomes %v, want %v", p, got, want)
		}
	}
}

// TestDropNearest compares the selection with a sort, on clouds without and with equal
// distances.
func TestDropNearest(t *testing.T) {
	t.Parallel()
	for _, levels := range []int{1 << 20, 8, 1} {
		rng := rand.New(rand.NewPCG(2, uint64(levels)))
		for size := range 60 {
			points := make([]Point, 60)
			for i := range points {
				for k := range 3 {
					points[i][k] = single(float64(rng.IntN(levels)) / float64(levels))
				}
			}
			centre := rng.IntN(len(points))
			order := make([]int, len(points))
			for i := range order {
				order[i] = i
			}
			slices.SortStableFunc(order, func(i, k int) int {
				return cmp.Compare(squaredDistance(points[i], points[centre]), squaredDistance(points[k], points[centre]))
			})
			gone := order[:size]
			var want []Point
			for i, p := range points {
				if !slices.Contains(gone, i) {
					want = append(want, p)
				}
			}
			var h hole
			h.load(points)
			h.dropNearest(centre, size)
			var got []Point
			for _, i := range h.index {
				got = append(got, points[i])
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%d levels, %d points of %d: others are left than after sorting", levels, size, len(points))
			}
		}
	}
}
