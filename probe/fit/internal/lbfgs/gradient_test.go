package lbfgs

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/wiseft/wiseft/probe/fit/internal/fittest"
	"github.com/wiseft/wiseft/probe/fit/internal/softmax"
)

// The gradient agrees with central differences of the objective up to about the cube root of the rounding of a
// double.
func TestGradients(t *testing.T) {
	t.Parallel()
	for name, l := range map[string]Loss{"softmax": softmax.Loss{Weight: []float64{0.7, 1, 2}}} {
		p := fittest.Problem(fittest.Blobs(67, 5, 3), 1)
		d := newDescent(p, l, Options{Penalty: 1})
		r := rand.New(rand.NewPCG(3, 4))
		for c := range p.K {
			for j := range p.D + 1 {
				d.w[c*p.Width+j] = 0.1 * r.NormFloat64()
			}
		}
		value := func() float64 {
			if err := d.evaluate(t.Context()); err != nil {
				t.Fatal(err)
			}
			return d.f
		}
		value()
		grad := slices.Clone(d.grad)
		for c := range p.K {
			for j := range p.D + 1 {
				const h = 1e-5
				i := c*p.Width + j
				at := d.w[i]
				d.w[i] = at + h
				up := value()
				d.w[i] = at - h
				down := value()
				d.w[i] = at
				if want := (up - down) / (2 * h); !(math.Abs(grad[i]-want) <= 1e-6*max(1, math.Abs(want))) {
					t.Errorf("%s: gradient %d of class %d: got %v, want %v", name, j, c, grad[i], want)
				}
			}
		}
	}
}
