package corrupt

// modelNetC is the source of the seven corruptions of ModelNet-C, which are also those of PointCloud-C and
// ScanObjectNN-C.
const modelNetC = "ModelNet-C (Ren, Pan, Liu, ICML 2022), build_modelnetc/corrupt_utils.py"

func init() {
	order := []string{"scale", "jitter", "rotate", "dropout_global", "dropout_local", "add_global", "add_local"}
	RegisterSuite(Suite{
		Name: "modelnet-c",
		Doc: "ModelNet-C: seven corruptions at five severities; a self-made set is not the published one, " +
			"so say which was used",
		Corruptions: order,
		Severities:  5,
		Stream:      order,
		Seed:        0,
		Layout:      "hdf5",
	})
}

// clusterSizes distributes total points over one to seven clusters, uniformly, and returns the size of each; some may
// be 0. The reference draws the number of clusters with an exclusive upper bound of 8.
func clusterSizes(rng Rand, total int) []int {
	sizes := make([]int, 1+rng.IntN(7))
	for range total {
		sizes[rng.IntN(len(sizes))]++
	}
	return sizes
}
