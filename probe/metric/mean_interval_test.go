package metric

import (
	"math"
	"math/rand/v2"
	"testing"
)

func within(got, want Interval, tolerance float64) bool {
	return math.Abs(got.Low-want.Low) <= tolerance && math.Abs(got.High-want.High) <= tolerance
}

// Differences in hours of sleep of ten patients (Student, The probable error of a mean, 1908, table on page 20): R's
// t.test(sleep$extra[11:20] - sleep$extra[1:10])$conf.int is .7001142 to 2.4598858. studentQuantile is within
// 1e-4 at 9 degrees of freedom, and the standard error is .39.
func TestMeanInterval(t *testing.T) {
	t.Parallel()
	sleep := []float64{1.2, 2.4, 1.3, 1.3, 0, 1, 1.8, 0.8, 4.6, 1.4}
	if got, want := MeanInterval(sleep, 0.95), (Interval{0.7001142, 2.4598858}); !within(got, want, 1e-4) {
		t.Errorf("got %v, want %v", got, want)
	}
	for _, few := range [][]float64{nil, {1}} {
		if got := MeanInterval(few, 0.95); !math.IsNaN(got.Low) || !math.IsNaN(got.High) {
			t.Errorf("%d values: got %v, want NaN", len(few), got)
		}
	}
}

// bits returns n shares of 0 and 1, of which right are 1.
func bits(right, n int) []float64 {
	shares := make([]float64, n)
	for i := range right {
		shares[i] = 1
	}
	return shares
}

// Shares of 0 and 1 have Wilson's interval of n - 1 answers with Student's quantile; shares that vary less have a
// narrower one; if nothing varies, clouds count as answers.
func TestShareInterval(t *testing.T) {
	t.Parallel()
	const n = 2000
	q := studentQuantile(0.975, n-1)
	if got, want := ShareInterval(bits(1500, n), 0.95), wilson(0.75, n-1, q); !within(got, want, 1e-12) {
		t.Errorf("0 and 1: got %v, want %v", got, want)
	}
	if got, want := ShareInterval(bits(1500, n), 0.95), AccuracyInterval(1500, n, 0.95); !within(got, want, 1e-4) {
		t.Errorf("0 and 1: got %v, AccuracyInterval has %v", got, want)
	}
	// Halves and ones have the same mean, and a third of the variance: 1/16 of 3/16.
	mixed := make([]float64, n)
	for i := range mixed {
		mixed[i] = 0.5 + 0.5*float64(i%2)
	}
	if got, want := ShareInterval(mixed, 0.95), wilson(0.75, 3*(n-1), q); !within(got, want, 1e-12) {
		t.Errorf("halves and ones: got %v, want %v", got, want)
	}
	if got, want := ShareInterval(bits(n, n), 0.95), wilson(1, n, q); got != want || got.High != 1 || !(got.Low < 0.999) {
		t.Errorf("all right: got %v, want %v", got, want)
	}
	if got := ShareInterval([]float64{1}, 0.95); !math.IsNaN(got.Low) {
		t.Errorf("one cloud: got %v, want NaN", got)
	}
}

// If both shares are independent and vary as binary answers, the interval is Newcombe's for independent proportions;
// if b is a minus a constant, it is narrower; if b is constant, b's own interval still contributes.
func TestShareDifferenceInterval(t *testing.T) {
	t.Parallel()
	const n = 1600
	a, b := make([]float64, n), make([]float64, n)
	for i := range n {
		a[i], b[i] = bits(3, 4)[i%4], bits(1, 4)[i/4%4]
	}
	// r is 0 by construction. Newcombe, Interval estimation for the difference between independent proportions, 1998,
	// method 10.
	ia, ib := ShareInterval(a, 0.95), ShareInterval(b, 0.95)
	want := Interval{0.5 - math.Hypot(0.75-ia.Low, ib.High-0.25), 0.5 + math.Hypot(ia.High-0.75, 0.25-ib.Low)}
	if got := ShareDifferenceInterval(a, b, 0.95); !within(got, want, 1e-9) {
		t.Errorf("independent: got %v, want %v", got, want)
	}
	half := scaled(a, 0.9)
	got := ShareDifferenceInterval(a, half, 0.95)
	if width := got.High - got.Low; !(width <= 0.15*(ia.High-ia.Low)) || !(got.Low < 0.075 && 0.075 < got.High) {
		t.Errorf("nine tenths of itself: got %v around .075, where a alone has %v", got, ia)
	}
	ones := bits(n, n)
	got, one := ShareDifferenceInterval(a, ones, 0.95), ShareInterval(ones, 0.95)
	if want := -0.25 + math.Hypot(ia.High-0.75, 1-one.Low); !(math.Abs(got.High-want) <= 1e-12) {
		t.Errorf("less a constant: got %v, want %v at the upper end", got, want)
	}
}

// Against a reference that is equally accurate under every corruption, the intervals of mCE and RmCE follow from
// those of mOA and of the loss; a reference that gains under a corruption gives shares weights of both signs.
func TestFigureIntervals(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(4, 4))
	draw := func() []bool {
		right := make([]bool, 80)
		for i := range right {
			right[i] = r.IntN(5) > 0
		}
		return right
	}
	ref := Reference{Name: "even", Clean: 0.9, Corruptions: []string{"a", "b"}, OA: map[string]float64{"a": 0.5, "b": 0.5}}
	clean, cells := draw(), map[string][][]bool{}
	for range Severities {
		cells["a"], cells["b"] = append(cells["a"], draw()), append(cells["b"], draw())
	}
	f, err := ref.Clouds(clean, cells)
	if err != nil {
		t.Fatal(err)
	}
	got := f.Intervals(0.95)
	if want := (Interval{(1 - got.MOA.High) / 0.5, (1 - got.MOA.Low) / 0.5}); !within(got.MCE, want, 1e-12) {
		t.Errorf("mCE: got %v, want %v", got.MCE, want)
	}
	if want := ShareDifferenceInterval(f.Clean, f.MOA, 0.95).times(1 / 0.4); !within(got.RMCE, want, 1e-9) {
		t.Errorf("RmCE: got %v, want %v", got.RMCE, want)
	}
	ref.OA["b"] = 0.95
	if f, err = ref.Clouds(clean, cells); err != nil {
		t.Fatal(err)
	}
	if got, want := f.Intervals(0.95).RMCE, MeanInterval(f.RMCE, 0.95); got != want {
		t.Errorf("a reference that gains: got %v, want %v", got, want)
	}
}
