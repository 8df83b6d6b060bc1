package corrupt

import (
	"math/rand/v2"

	"github.com/wiseft/wiseft/datasets"
)

func init() {
	register(Corruption{
		Name:   "dropout_global",
		Doc:    "drop a share of all points at random",
		Source: modelNetC,
		Levels: [Severities]string{"25 % dropped", "37.5 % dropped", "50 % dropped", "62.5 % dropped", "75 % dropped"},
		Apply:  dropoutGlobal,
	})
}

func dropoutGlobal(rng *rand.Rand, severity int, dst *datasets.Sample) {
	all := points(dst)
	shuffle(rng, all)
	keptEighths := [...]int{6, 5, 4, 3, 2}[severity-1]
	setPoints(dst, all[:max(1, len(all)*keptEighths/8)])
}
