package metric

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// Right reports for every sample whether its predicted class is its label.
func Right(pred, y []int64) []bool {
	checkPairs(pred, y)
	right := make([]bool, len(y))
	for i, label := range y {
		right[i] = pred[i] == label
	}
	return right
}

// Discordant counts the samples that only one of two models classifies correctly.
func Discordant(a, b []bool) (onlyA, onlyB int) {
	if len(a) != len(b) {
		panic("metric: two models answered different samples")
	}
	for i := range a {
		switch {
		case a[i] && !b[i]:
			onlyA++
		case b[i] && !a[i]:
			onlyB++
		}
	}
	return onlyA, onlyB
}

// McNemar returns the two-sided mid-p value of McNemar's test that two models are equally accurate on the same
// samples, from the counts of those that only one classifies correctly (Fagerland, Lydersen and Laake, The McNemar
// test for binary matched-pairs data, 2013): with X binomial of onlyA + onlyB and 1/2, and m the smaller count,
//
//	2 P(X <= m) - P(X = m)       and 1 - P(X = m)/2 if both are equal
//
// and 1 if the models differ on no sample. At 5 % it rejects at most 5.0 % of equal pairs, of 40 to 2,468 samples
// that differ on 1 to 20 % (TestMcNemarSize). Samples must be independent: conditions of a suite show the same
// clouds, and need [SignFlip].
func McNemar(onlyA, onlyB int) float64 {
	checkCounts(onlyA+onlyB, onlyA, onlyB)
	n, m := onlyA+onlyB, min(onlyA, onlyB)
	if n == 0 {
		return 1
	}
	if onlyA == onlyB {
		return 1 - binomialHalf(n, m)/2
	}
	below := 0.0
	for k := range m {
		below += binomialHalf(n, k)
	}
	return 2*below + binomialHalf(n, m)
}

// binomialHalf returns the probability of k heads of n fair coins.
func binomialHalf(n, k int) float64 {
	all, _ := math.Lgamma(float64(n + 1))
	heads, _ := math.Lgamma(float64(k + 1))
	tails, _ := math.Lgamma(float64(n - k + 1))
	return math.Exp(all - heads - tails - float64(n)*math.Ln2)
}

// SignFlip returns the two-sided p-value that two models are exchangeable, from the difference of a figure on every
// cloud: the share of random signs of the differences whose sum is at least as far from zero as the observed one,
// which counts as one of them (Fisher's randomisation test; Phipson and Smyth, Permutation p-values should never be
// zero, 2010). Its level is exact for any number of clouds and any dependence between the conditions of one cloud.
// The result depends on the arguments alone.
func SignFlip(differences []float64, flips int, seed uint64) float64 {
	seen, scale := 0.0, 0.0
	moved := make([]float64, 0, len(differences))
	for _, d := range differences {
		seen += d
		scale += math.Abs(d)
		if d != 0 {
			moved = append(moved, d)
		}
	}
	// Sums of the same terms in another order differ by rounding, and must count as ties.
	bound := math.Abs(seen) - 1e-12*scale
	r := rand.New(rand.NewPCG(seed, uint64(len(differences))))
	atLeast := 1
	for range flips {
		sum, bits := 0.0, uint64(0)
		for i, d := range moved {
			if i%64 == 0 {
				bits = r.Uint64()
			}
			sum += math.Float64frombits(math.Float64bits(d) ^ bits<<63)
			bits >>= 1
		}
		if math.Abs(sum) >= bound {
			atLeast++
		}
	}
	return float64(atLeast) / float64(flips+1)
}

// Holm returns p-values adjusted for their number (Holm, A simple sequentially rejective multiple test procedure,
// 1979): rejecting where the adjusted value is at most 5 % makes a false rejection in at most 5 % of cases, whatever
// their dependence.
func Holm(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(p[i], p[j]) })
	adjusted, least := make([]float64, len(p)), 0.0
	for rank, i := range order {
		least = max(least, min(1, p[i]*float64(len(p)-rank)))
		adjusted[i] = least
	}
	return adjusted
}
