package feature

import (
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/wiseft/wiseft/internal/fault"
)

// Episode is one few-shot task: indices of samples to fit on and to test on.
type Episode struct{ Train, Test []int }

// Episodes draws count k-way n-shot tasks by the few-shot protocol of Sharma and Kaul (Self-supervised few-shot
// learning on point clouds, 2020): way classes, and of each class shot samples to fit on and query others to test on.
// The tasks depend on labels and seed alone, so that they are the same for the features of two models.
func Episodes(y []int64, way, shot, query, count int, seed uint64) ([]Episode, error) {
	byLabel := map[int64][]int{}
	for i, label := range y {
		byLabel[label] = append(byLabel[label], i)
	}
	maps.DeleteFunc(byLabel, func(label int64, at []int) bool { return label < 0 || len(at) < shot+query })
	if way < 2 || shot < 1 || query < 1 || count < 1 || len(byLabel) < way {
		return nil, fault.Inputf("%d folds of %d-way %d-shot with %d test samples: %d classes have %d samples or more; "+
			"way must be 2 or more, and the other counts 1 or more",
			count, way, shot, query, len(byLabel), shot+query)
	}
	classes := slices.Sorted(maps.Keys(byLabel))
	episodes := make([]Episode, count)
	for e := range episodes {
		r := rand.New(rand.NewPCG(seed, uint64(e)))
		for _, c := range r.Perm(len(classes))[:way] {
			at := byLabel[classes[c]]
			order := r.Perm(len(at))
			for i, o := range order[:shot+query] {
				if i < shot {
					episodes[e].Train = append(episodes[e].Train, at[o])
				} else {
					episodes[e].Test = append(episodes[e].Test, at[o])
				}
			}
		}
	}
	return episodes, nil
}
