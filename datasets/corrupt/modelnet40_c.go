package corrupt

// modelNet40C is the source of the corruptions of ModelNet40-C.
const modelNet40C = "ModelNet40-C (Sun et al., 2022, arXiv 2201.12296), data/generate_c.py"

// modelNet40CPoints is how many of the 2,048 points of a cloud ModelNet40-C uses.
const modelNet40CPoints = 1024

func init() {
	RegisterSuite(Suite{
		Name: "modelnet40-c",
		Doc: "ModelNet40-C: fifteen corruptions at five severities; occlusion and lidar come from our own renderer; " +
			"a self-made set is not the published one, so say which was used",
		Corruptions: []string{
			"occlusion", "lidar", "density_inc", "density", "cutout",
			"uniform", "gaussian", "impulse", "upsampling", "background",
			"rotation", "shear", "distortion", "distortion_rbf", "distortion_rbf_inv",
		},
		Severities: 5,
		Stream: []string{
			"uniform", "gaussian", "background", "impulse", "scale_axes", "upsampling", "shear", "rotation",
			"cutout", "density", "density_inc", "distortion", "distortion_rbf", "distortion_rbf_inv",
		},
		Seed:   2021,
		Layout: "npy",
	})
}
