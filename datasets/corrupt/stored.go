package corrupt

// fifteen are the corruptions of ImageNet-C and CIFAR-10/100-C, in the order of the publication (Hendrycks, Dietterich,
// Benchmarking neural network robustness to common corruptions and perturbations, ICLR 2019). The four further ones of the
// data (speckle_noise, gaussian_blur, spatter, saturate) are in no figure.
var fifteen = []string{
	"gaussian_noise", "shot_noise", "impulse_noise", "defocus_blur", "glass_blur", "motion_blur", "zoom_blur",
	"snow", "frost", "fog", "brightness", "contrast", "elastic_transform", "pixelate", "jpeg_compression",
}

func init() {
	RegisterSuite(Suite{
		Name:        "imagenet-c-15",
		Doc:         "the fifteen corruptions of ImageNet-C, for data that are stored corrupted; mCE against AlexNet",
		Corruptions: fifteen, Severities: 5, Stored: true,
	})
	RegisterSuite(Suite{
		Name:        "cifar-c",
		Doc:         "the fifteen corruptions of CIFAR-10-C and CIFAR-100-C, for data that are stored corrupted; mean error",
		Corruptions: fifteen, Severities: 5, Stored: true,
	})
}
