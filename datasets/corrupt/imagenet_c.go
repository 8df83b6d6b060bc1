package corrupt

func init() {
	RegisterSuite(Suite{
		Name: "imagenet-c",
		Doc:  "nine of ImageNet-C's corruptions, for images with values from 0 to 1; experimental, not the published images",
		Corruptions: []string{
			"gaussian_noise", "shot_noise", "impulse_noise", "defocus_blur", "motion_blur",
			"brightness", "contrast", "pixelate", "jpeg_compression",
		},
		Severities: 5,
		Layout:     "npz",
	})
}
