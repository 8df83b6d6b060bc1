package shapes

import (
	"math"
	"slices"
	"testing"

	"github.com/wiseft/wiseft/datasets"
)

// statistics are summary statistics of a cloud that ignore its shape: means and deviations of the height and of the
// distance from the vertical axis, and deviations and extents along the axes.
func statistics(x []float32) []float64 {
	columns := make([][]float64, 4)
	for p := range slices.Chunk(x, 3) {
		for k := range 3 {
			columns[k] = append(columns[k], float64(p[k]))
		}
		columns[3] = append(columns[3], math.Hypot(float64(p[0]), float64(p[2])))
	}
	var out []float64
	for _, c := range columns {
		var mean, square float64
		for _, v := range c {
			mean += v / float64(len(c))
			square += v * v / float64(len(c))
		}
		out = append(out, mean, math.Sqrt(square-mean*mean), slices.Max(c)-slices.Min(c))
	}
	return out
}

// features returns every cloud's statistics and label.
func features(t *testing.T, d datasets.Dataset) (x [][]float64, y []int64) {
	t.Helper()
	for i := range d.Len() {
		s := read(t, d, i)
		x, y = append(x, statistics(s.X)), append(y, s.Label)
	}
	return x, y
}

func centroids(x [][]float64, y []int64, classes int) [][]float64 {
	out, count := make([][]float64, classes), make([]float64, classes)
	for i := range out {
		out[i] = make([]float64, len(x[0]))
	}
	for i, f := range x {
		count[y[i]]++
		for k, v := range f {
			out[y[i]][k] += (v - out[y[i]][k]) / count[y[i]]
		}
	}
	return out
}

// Chance accuracy for ten classes is .1. Summary statistics must classify better than that, since otherwise the
// classes would be noise, and must misclassify many clouds, since otherwise a model would have nothing to learn.
func TestClassesAreNeitherNoiseNorTrivial(t *testing.T) {
	t.Parallel()
	for _, domain := range []Domain{CAD, Scan} {
		train, y := features(t, open(t, Options{Domain: domain, PerClass: 40, Classes: Indoor()}))
		middle := centroids(train, y, len(Indoor()))
		test, want := features(t, open(t, Options{Domain: domain, PerClass: 40, Split: "test", Classes: Indoor()}))
		right := 0
		for i, f := range test {
			best, nearest := int64(-1), math.Inf(1)
			for label, c := range middle {
				distance := 0.0
				for k := range f {
					distance += (f[k] - c[k]) * (f[k] - c[k])
				}
				if distance < nearest {
					best, nearest = int64(label), distance
				}
			}
			if best == want[i] {
				right++
			}
		}
		accuracy := float64(right) / float64(len(test))
		t.Logf("%s: nearest centroid of simple statistics is right for %.3f", domain, accuracy)
		if accuracy < 0.3 || accuracy > 0.85 {
			t.Errorf("%s: accuracy %.3f, want .3 to .85", domain, accuracy)
		}
	}
}

// The extent along an axis must vary between the objects of a class by at least 3 % of the unit sphere's radius; for
// a fixed object, sampling noise alone varies it by less.
func TestObjectsOfAClassDiffer(t *testing.T) {
	t.Parallel()
	x, y := features(t, open(t, Options{PerClass: 40, Points: 1024}))
	for label, name := range Names() {
		spread := 0.0
		for _, k := range []int{2, 5, 8} { // extents along x, y, z
			var low, high = math.Inf(1), math.Inf(-1)
			for i := range x {
				if y[i] == int64(label) {
					low, high = min(low, x[i][k]), max(high, x[i][k])
				}
			}
			spread = max(spread, high-low)
		}
		if spread < 0.1 {
			t.Errorf("%s: extents within %.3f of each other", name, spread)
		}
	}
}
