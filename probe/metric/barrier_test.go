package metric

import (
	"math"
	"math/rand/v2"
	"os"
	"testing"
)

// drawPath draws the answers of a path whose accuracies are acc. Samples have a difficulty that all points share in
// part, so that neighbours mostly agree.
func drawPath(r *rand.Rand, n int, acc []float64, shared float64) [][]bool {
	right := make([][]bool, len(acc))
	for range n {
		common := r.Float64()
		for k, a := range acc {
			u := common
			if r.Float64() > shared {
				u = r.Float64()
			}
			right[k] = append(right[k], u < a)
		}
	}
	return right
}

// The interval holds the true barrier in at least 94 % of 1,000 draws, whatever it is; 0 is included, with accuracies
// on the line, where every point is as likely below it as above, and above the line. WISEFT_EXHAUSTIVE=1 also draws sets
// of 908 samples.
func TestBarrierCoverage(t *testing.T) {
	t.Parallel()
	alphas := []float64{0, .1, .2, .3, .4, .5, .6, .7, .8, .9, 1}
	sizes := []int{60, 250}
	if os.Getenv("WISEFT_EXHAUSTIVE") != "" {
		sizes = append(sizes, 908)
	}
	for _, n := range sizes {
		for _, barrier := range []float64{-.1, 0, .01, .02, .05, .2, .8} {
			for _, shared := range []float64{0, .7, .97} {
				acc, truth := make([]float64, len(alphas)), 0.0
				for k, a := range alphas {
					down := barrier * 4 * a * (1 - a)
					acc[k] = min(1, .84+.06*a-down)
					truth = max(truth, down)
				}
				r := rand.New(rand.NewPCG(1, uint64(n)))
				held := 0
				const runs = 1000
				for range runs {
					b := PathBarrier(alphas, drawPath(r, n, acc, shared), .95)
					if b.Interval.Low <= truth+1e-12 && truth <= b.Interval.High+1e-12 {
						held++
					}
				}
				if held < 940*runs/1000 {
					t.Errorf("n %d, barrier %g, shared %g: %d of %d intervals hold it", n, barrier, shared, held, runs)
				}
				t.Logf("n %d, barrier %g, shared %g: coverage %.3f", n, barrier, shared, float64(held)/runs)
			}
		}
	}
}

func TestBarrier(t *testing.T) {
	t.Parallel()
	all, none := make([]bool, 1000), make([]bool, 1000)
	for i := range all {
		all[i] = true
	}
	b := PathBarrier([]float64{0, .5, 1}, [][]bool{all, none, all}, .95)
	if b.Fall != 1 || b.At != 1 || b.Interval.Low < .9 || b.Interval.High != 1 {
		t.Errorf("a path through nothing: %+v", b)
	}
	b = PathBarrier([]float64{0, .5, 1}, [][]bool{none, all, all}, .95)
	if b.Fall != 0 || b.At != -1 || b.Interval.Low != 0 || b.Interval.High != 0 {
		t.Errorf("a path above the line: %+v", b)
	}
	if b = PathBarrier([]float64{0, 1}, [][]bool{all, none}, .95); math.IsNaN(b.Fall) || b.At != -1 {
		t.Errorf("no point between: %+v", b)
	}
}
