package nearest

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

const width = 32

// Cases whose names say what is hard for bounds in single precision.
var cases = map[string]func(r *rand.Rand, i, j int) float64{
	"random":              func(r *rand.Rand, _, _ int) float64 { return r.NormFloat64() },
	"far from 0":          func(r *rand.Rand, _, _ int) float64 { return 1e6 + r.NormFloat64() },
	"whole numbers":       func(r *rand.Rand, _, _ int) float64 { return float64(r.IntN(2)) },
	"all equal":           func(*rand.Rand, int, int) float64 { return 3 },
	"all 0":               func(*rand.Rand, int, int) float64 { return 0 },
	"tiny":                func(r *rand.Rand, _, _ int) float64 { return 1e-40 * r.NormFloat64() },
	"huge":                func(r *rand.Rand, _, _ int) float64 { return 1e38 * r.NormFloat64() },
	"one of another size": func(r *rand.Rand, i, _ int) float64 { return math.Pow(1e20, float64(i%700/699)) * r.NormFloat64() },
	"close":               func(r *rand.Rand, _, j int) float64 { return float64(j) + 1e-7*r.NormFloat64() },
	"near the float32s": func(r *rand.Rand, i, j int) float64 {
		return float64(j%3) + float64(i%5)*0x1p-26 + 0x1p-40*r.NormFloat64()
	},
}

func TestNearest(t *testing.T) {
	t.Parallel()
	for name, value := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, n := range []int{1, 3, 40, 1300} {
				samples, rows := fill(n, value), fill(9, value)
				copy(rows, samples[:width]) // at distance 0
				x := New(n, width, func(dst []float64, i int) { copy(dst, samples[i*width:(i+1)*width]) })
				for _, k := range []int{1, 5} {
					k = min(k, n)
					got := make([]int, 9*k)
					x.Nearest(got, rows, k)
					for i := range 9 {
						want := bruteForce(samples, rows[i*width:(i+1)*width], k)
						if !slices.Equal(got[i*k:(i+1)*k], want) {
							t.Fatalf("row %d, %d of %d samples: got %v, want %v", i, k, n, got[i*k:(i+1)*k], want)
						}
					}
				}
			}
		})
	}
}

func fill(n int, value func(r *rand.Rand, i, j int) float64) []float64 {
	r := rand.New(rand.NewPCG(uint64(n), 3))
	x := make([]float64, n*width)
	for i := range x {
		x[i] = value(r, i/width, i%width)
	}
	return x
}

func bruteForce(samples, row []float64, k int) []int {
	var all []candidate
	for i := range len(samples) / width {
		all = append(all, candidate{i, squaredDistance(samples[i*width:(i+1)*width], row)})
	}
	slices.SortFunc(all, byDistance)
	at := make([]int, k)
	for i := range at {
		at[i] = all[i].at
	}
	return at
}

// Few samples beyond k are measured exactly, and none of random ones in double precision.
func TestSearchLeavesFew(t *testing.T) {
	t.Parallel()
	samples, rows := fill(3000, cases["random"]), fill(64, cases["random"])
	x := New(3000, width, func(dst []float64, i int) { copy(dst, samples[i*width:(i+1)*width]) })
	for i, s := range x.scan(rows, 64, 5) {
		s.narrow()
		if len(s.found) < 5 || len(s.found) > 8 {
			t.Errorf("row %d: %d candidates for 5", i, len(s.found))
		}
	}
}

func BenchmarkNearest(b *testing.B) {
	samples, rows := fill(2000, cases["random"]), fill(64, cases["random"])
	x := New(2000, width, func(dst []float64, i int) { copy(dst, samples[i*width:(i+1)*width]) })
	at := make([]int, 64*5)
	for b.Loop() {
		x.Nearest(at, rows, 5)
	}
}
