package corrupt

// modelNetC is the source of the seven corruptions of ModelNet-C, which
// PointCloud-C and ScanObjectNN-C use too.
const modelNetC = "ModelNet-C (Ren, Pan, Liu, ICML 2022), build_modelnetc/corrupt_utils.py"

func init() {
	registerSuite(Suite{
		Name: "modelnet-c",
		Doc:  "ModelNet-C: seven corruptions at five severities; a self-made set is not the published one, so say which was used",
		Corruptions: []string{
			"scale", "jitter", "rotate", "dropout_global", "dropout_local", "add_global", "add_local",
		},
		Severities: 5,
	})
}
