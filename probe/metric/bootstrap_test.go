package metric

import (
	"math"
	"testing"
)

// The interval of a mean of n coins is that of the normal distribution, 1.96 deviations on
// either side; with 4,000 resamples its ends are within a tenth of a deviation.
func TestBootstrapOfMean(t *testing.T) {
	t.Parallel()
	const n = 400
	mean := func(idx []int) float64 {
		sum := 0.0
		for _, i := range idx {
			sum += float64(i % 2)
		}
		return sum / float64(len(idx))
	}
	got := Bootstrap(n, 4000, 0.95, 1, mean)
	dev := 0.5 / math.Sqrt(n)
	if !(math.Abs(got.Low-(0.5-1.96*dev)) <= 0.1*dev) || !(math.Abs(got.High-(0.5+1.96*dev)) <= 0.1*dev) {
		t.Errorf("got %v, want 0.5 -+ %v", got, 1.96*dev)
	}
	if again := Bootstrap(n, 4000, 0.95, 1, mean); again != got {
		t.Errorf("again: got %v, want %v", again, got)
	}
	if other := Bootstrap(n, 50, 0.95, 2, mean); other == got {
		t.Error("another seed gives the same interval")
	}
}

func TestECEEqualMass(t *testing.T) {
	t.Parallel()
	// 30 samples in 15 bins of two: confidences .51, .52, ..., .80, every second one right.
	var prob []float64
	var y []int64
	want := 0.0
	for i := range 30 {
		p := 0.51 + float64(i)/100
		prob, y = append(prob, p, 1-p), append(y, int64(i%2))
		if i%2 == 1 {
			want += math.Abs(1-(p+p-0.01)) / 30
		}
	}
	if got := ECEEqualMass(prob, y, 2); !(math.Abs(got-want) <= 1e-12) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := ECEEqualMass([]float64{1, 0}, []int64{1}, 2); got != 1 {
		t.Errorf("one sample, sure and wrong: got %v, want 1", got)
	}
}
