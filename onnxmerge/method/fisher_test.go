package method

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The overall size of a model's information affects the result only without normalize.
func TestFisherIsNormalized(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	src := make([][]float64, 4) // two models and their Fisher informations
	for i := range src {
		for range 50 {
			x := rng.NormFloat64()
			if i >= 2 {
				x = math.Exp(x)
			}
			src[i] = append(src[i], x)
		}
	}
	larger := make([]float64, 50)
	for i, f := range src[3] {
		larger[i] = 1000 * f
	}
	for normalize, same := range map[string]bool{"none": false, "tensor": true, "model": true} {
		p := Params{"floor": 1e-300, "normalize": normalize}
		want, err := run("fisher", p, &Tensor{}, src)
		if err != nil {
			t.Fatal(err)
		}
		got, err := run("fisher", p, &Tensor{}, [][]float64{src[0], src[1], src[2], larger})
		if err != nil {
			t.Fatal(err)
		}
		apart := 0.0
		for i := range got {
			apart = math.Max(apart, math.Abs(got[i]-want[i]))
		}
		if (apart < 1e-12) != same { // the tolerance exceeds a few hundred roundings
			t.Errorf("normalize=%s: results are %g apart", normalize, apart)
		}
	}
}
