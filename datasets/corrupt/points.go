package corrupt

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/wiseft/wiseft/datasets"
)

// point is x, y, z.
type point [3]float32

// points copies the cloud of s.
func points(s *datasets.Sample) []point {
	all := make([]point, len(s.X)/3)
	for i := range all {
		all[i] = point(s.X[3*i:])
	}
	return all
}

// setPoints replaces the cloud of dst.
func setPoints(dst *datasets.Sample, all []point) {
	dst.X = dst.X[:0]
	for i := range all {
		dst.X = append(dst.X, all[i][:]...)
	}
	dst.Shape[0] = len(all)
}

// scaled turns a count that is published for 1,024 points into one for n.
func scaled(count, n int) int { return count * n / 1024 }

// uniform returns a number from low to high.
func uniform(rng *rand.Rand, low, high float64) float64 {
	return low + float64((high-low)*rng.Float64())
}

func shuffle(rng *rand.Rand, all []point) {
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
}

// clusterSizes throws total balls into one to seven bins, uniformly, and returns
// how many each has; some may be empty. The reference draws the number of bins with
// an exclusive upper bound of 8.
func clusterSizes(rng *rand.Rand, total int) []int {
	sizes := make([]int, 1+rng.IntN(7))
	for range total {
		sizes[rng.IntN(len(sizes))]++
	}
	return sizes
}

func squaredDistance(p, q point) float32 {
	x, y, z := p[0]-q[0], p[1]-q[1], p[2]-q[2]
	return float32(x*x) + float32(y*y) + float32(z*z)
}

// sortFarFirst orders points by falling distance from centre; equally far ones
// keep their order.
func sortFarFirst(all []point, centre point) {
	// The bits of a float that is not negative order as it does: one integer
	// holds distance and position and sorts fast.
	keys := make([]uint64, len(all))
	for i, p := range all {
		nearness := ^math.Float32bits(squaredDistance(p, centre))
		keys[i] = uint64(nearness)<<32 | uint64(i)
	}
	slices.Sort(keys)
	before := slices.Clone(all)
	for i, key := range keys {
		all[i] = before[uint32(key)]
	}
}
