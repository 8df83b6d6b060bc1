package feature

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
)

// Folds assigns every sample to one of k folds, class by class: the counts of a class differ by at most 1 between
// folds. The result depends on labels and seed alone, so that the features of two models are divided alike.
func Folds(y []int64, k int, seed uint64) []int {
	byLabel := map[int64][]int{}
	for i, label := range y {
		byLabel[label] = append(byLabel[label], i)
	}
	fold, next := make([]int, len(y)), 0
	for _, label := range slices.Sorted(maps.Keys(byLabel)) {
		class := byLabel[label]
		r := rand.New(rand.NewPCG(seed, uint64(label)))
		r.Shuffle(len(class), func(i, j int) { class[i], class[j] = class[j], class[i] })
		for _, i := range class {
			fold[i] = next % k
			next++
		}
	}
	return fold
}

// SplitFold returns copies of the samples outside and inside one of k folds.
func SplitFold(f *Set, k, fold int, seed uint64) (train, held *Set) {
	var in, out []int
	for i, at := range Folds(f.Y, k, seed) {
		if at == fold {
			in = append(in, i)
		} else {
			out = append(out, i)
		}
	}
	why := fmt.Sprintf("fold %d of %d, seed %d", fold+1, k, seed)
	return f.Subset(out, "without "+why), f.Subset(in, why)
}
