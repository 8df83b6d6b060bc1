package metric

import (
	"math"
	"testing"
)

// TestImageNetC compares corruption errors of a ResNet-50 with those that were published with its accuracies: both have two
// decimals in percent, so that an error may be .005 points of accuracy divided by AlexNet's error, and .005 points.
func TestImageNetC(t *testing.T) {
	t.Parallel()
	ref, ok := DefaultReference("imagenet-c-15")
	if !ok {
		t.Fatal("there is no reference")
	}
	for name, row := range map[string]struct{ accuracy, ce float64 }{
		"brightness": {68.02, 56.64}, "contrast": {39.06, 71.43}, "defocus_blur": {38.75, 74.71},
		"elastic_transform": {45.25, 84.75}, "fog": {45.83, 66.11}, "frost": {38.14, 74.84}, "gaussian_noise": {29.29, 79.77},
		"glass_blur": {26.79, 88.61}, "impulse_noise": {23.81, 82.58},
	} {
		got := ref.corruption(name, 0.7613, row.accuracy/100, unrounded)
		const half = 0.00005 // of two decimals in percent
		bound := half/(1-ref.OA[name]) + half
		if math.Abs(got.CE-row.ce/100) > bound {
			t.Errorf("%s: CE %.4f, published %.4f", name, got.CE, row.ce/100)
		}
	}
	sum := 0.0
	for _, oa := range ref.OA {
		sum += 1 - oa
	}
	if mean := sum / float64(len(ref.OA)); math.Abs(mean-0.788993) > 1e-6 {
		t.Errorf("AlexNet's mean error is %.6f, published .788993", mean)
	}
}
