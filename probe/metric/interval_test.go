package metric

import (
	"math"
	"testing"
)

// closeTo3 allows half a unit of the third decimal, which is all that sources print.
func closeTo3(got, want float64) bool { return math.Abs(got-want) <= 0.0005 }

// Newcombe, Two-sided confidence intervals for the single proportion: comparison of seven
// methods, 1998, table I: the score method without continuity correction.
func TestAccuracyIntervalPublished(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		right, n  int
		low, high float64
	}{{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0, 0.1611}, {1, 29, 0.0061, 0.1718}, {20, 20,
		0.8389, 1}} {
		got := AccuracyInterval(tt.right, tt.n, 0.95)
		if !closeTo3(got.Low, tt.low) || !closeTo3(got.High, tt.high) {
			t.Errorf("%d of %d: got %v, want %v to %v", tt.right, tt.n, got, tt.low, tt.high)
		}
	}
	if got := AccuracyInterval(0, 0, 0.95); !math.IsNaN(got.Low) {
		t.Errorf("of nothing: got %v", got)
	}
}

// The airway data of Bentur et al. 2009, on which Fagerland, Lydersen and Laake
// (Recommended tests and confidence intervals for paired binomial proportions, 2014) compare
// methods: 1 and 7 discordant of 21 children.
func TestPairedPublished(t *testing.T) {
	t.Parallel()
	got := AccuracyDifference(1, 7, 21, 0.95)
	if !closeTo3(got.Low, -0.517) || !closeTo3(got.High, -0.026) {
		t.Errorf("got %v, want -0.517 to -0.026", got)
	}
	if p := McNemar(1, 7); !closeTo3(p, 0.039) {
		t.Errorf("McNemar: got %v, want 0.039", p)
	}
}

// Exchanging the models mirrors the interval; where they never differ it is that of a share
// of which none of n was seen; where they always do, it ends at 1.
func TestAccuracyDifferenceLaws(t *testing.T) {
	t.Parallel()
	for _, tt := range [][3]int{{1, 7, 21}, {0, 0, 50}, {0, 9, 9}, {400, 380, 2468}, {0, 3, 100}} {
		ab := AccuracyDifference(tt[0], tt[1], tt[2], 0.95)
		ba := AccuracyDifference(tt[1], tt[0], tt[2], 0.95)
		if !(math.Abs(ab.Low+ba.High) <= 1e-12) || !(math.Abs(ab.High+ba.Low) <= 1e-12) {
			t.Errorf("%v: got %v and %v, want mirror images", tt, ab, ba)
		}
		seen := float64(tt[0]-tt[1]) / float64(tt[2])
		if !(ab.Low <= seen && seen <= ab.High && ab.Low >= -1 && ab.High <= 1) {
			t.Errorf("%v: %v does not hold %v", tt, ab, seen)
		}
	}
	z := 1.959963984540054
	want := z * z / (50 + z*z)
	if got := AccuracyDifference(0, 0, 50, 0.95); !(math.Abs(got.High-want) <= 1e-9) {
		t.Errorf("never different: got %v, want +-%v", got, want)
	}
	if got := AccuracyDifference(9, 0, 9, 0.95); got.High != 1 {
		t.Errorf("always a: got %v, want high 1", got)
	}
}

// The coverage of intervals of counts can be computed: over accuracies from .6 to .98 it is as documented.
func TestAccuracyIntervalCoverage(t *testing.T) {
	t.Parallel()
	for n, least := range map[int]float64{100: 0.92, 250: 0.93, 908: 0.94, 2468: 0.94} {
		intervals := make([]Interval, n+1)
		for k := range intervals {
			intervals[k] = AccuracyInterval(k, n, 0.95)
		}
		sum, worst, points := 0.0, 1.0, 0
		for p := 0.6; p <= 0.98; p += 0.005 {
			covered := 0.0
			for k, i := range intervals {
				if i.Low <= p && p <= i.High {
					covered += binomial(n, k, p)
				}
			}
			sum, worst, points = sum+covered, min(worst, covered), points+1
		}
		if mean := sum / float64(points); !(mean >= 0.94 && mean <= 0.96) || !(worst >= least) {
			t.Errorf("n = %d: coverage %.4f on average, %.4f at worst, want .94 to .96 and %v", n, mean, worst, least)
		}
	}
}

// The size of McNemar's test can be computed: the number of discordant samples is binomial, and each is either
// model's with probability 1/2.
func TestMcNemarSize(t *testing.T) {
	t.Parallel()
	rejected := make([]float64, 701) // by number of discordant samples
	for d := range rejected {
		for k := 0; 2*k < d && McNemar(k, d-k) <= 0.05; k++ {
			rejected[d] += 2 * binomialHalf(d, k)
		}
	}
	highest := 0.0
	for _, n := range []int{40, 50, 75, 100, 150, 250, 908, 2468} {
		for _, share := range []float64{0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.13, 0.16, 0.2} {
			size := 0.0
			for d, r := range rejected[:min(n+1, len(rejected))] {
				size += binomial(n, d, share) * r
			}
			highest = max(highest, size)
		}
	}
	t.Logf("highest size %.4f", highest)
	if !(highest <= 0.055) || !(highest >= 0.045) {
		t.Errorf("size up to %v, want .045 to .055", highest)
	}
}

func binomial(n, k int, p float64) float64 {
	all, _ := math.Lgamma(float64(n + 1))
	a, _ := math.Lgamma(float64(k + 1))
	b, _ := math.Lgamma(float64(n - k + 1))
	return math.Exp(all - a - b + float64(k)*math.Log(p) + float64(n-k)*math.Log(1-p))
}

func TestMcNemarEnds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b int
		want float64
	}{{0, 0, 1}, {1, 0, 0.5}, {0, 6, 1.0 / 64}, {1, 1, 0.75}, {2, 2, 1 - 6.0/32}} {
		if got := McNemar(tt.a, tt.b); !(math.Abs(got-tt.want) <= 1e-12) {
			t.Errorf("%d, %d: got %v, want %v", tt.a, tt.b, got, tt.want)
		}
	}
	if got := McNemar(40000, 60000); !(got >= 0 && got < 1e-300) {
		t.Errorf("100,000 discordant samples: got %v", got)
	}
}
