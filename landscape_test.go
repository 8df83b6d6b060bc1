package wiseft

import (
	"math"
	"testing"
)

// The models are where the coordinates say: the coefficients of each model's point are 1 for that model, and those of a
// point are the ones of which the distance from the pre-trained model is the point's.
func TestPlaneCoordinates(t *testing.T) {
	t.Parallel()
	d1, d2 := []float64{3, 0, 4, 0}, []float64{1, 2, 0, -2}
	dot := func(a, b []float64) (sum float64) {
		for i := range a {
			sum += a[i] * b[i]
		}
		return sum
	}
	p, err := newPlane(dot(d1, d1), dot(d1, d2), dot(d2, d2))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		x, y float64
		want [3]float64
	}{
		"pre-trained": {0, 0, [3]float64{1, 0, 0}},
		"third":       {p.x, p.y, [3]float64{0, 1, 0}},
		"fine-tuned":  {p.width, 0, [3]float64{0, 0, 1}},
	} {
		a, b, f := p.coefficients(c.x, c.y)
		for i, got := range []float64{a, b, f} {
			if math.Abs(got-c.want[i]) > 1e-12 {
				t.Errorf("%s: coefficient %d is %g, want %g", name, i, got, c.want[i])
			}
		}
	}
	x, y := 1.5, -0.75
	_, third, fine := p.coefficients(x, y)
	square := 0.0
	for i := range d1 {
		v := fine*d1[i] + third*d2[i]
		square += v * v
	}
	if want := x*x + y*y; math.Abs(square-want) > 1e-12 {
		t.Errorf("the square of the distance is %g, want %g", square, want)
	}
	if _, err := newPlane(25, 10, 4); KindOf(err) != Mismatch {
		t.Errorf("three models on a line: %v, want a mismatch", err)
	}
	if _, err := newPlane(0, 0, 4); KindOf(err) != Mismatch {
		t.Errorf("two equal models: %v, want a mismatch", err)
	}
}
