package datasets_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/datasettest"
)

// cloudVectors reads testdata/cloud.json, which numpy computed.
func cloudVectors(t testing.TB) map[string][]float32 {
	t.Helper()
	text, err := os.ReadFile("testdata/cloud.json")
	if err != nil {
		t.Fatal(err)
	}
	var raw map[string]any
	if err := json.Unmarshal(text, &raw); err != nil {
		t.Fatal(err)
	}
	out := map[string][]float32{}
	for name, v := range raw {
		if list, ok := v.([]any); ok {
			for _, bits := range list {
				out[name] = append(out[name], math.Float32frombits(uint32(bits.(float64))))
			}
		}
	}
	return out
}

// TestCloudKernels compares bit for bit with numpy.
func TestCloudKernels(t *testing.T) {
	t.Parallel()
	vectors := cloudVectors(t)
	for name, kernel := range map[string]func(x []float32) []float32{
		"unit-sphere": func(x []float32) []float32 { datasets.UnitSphere(x); return x },
		"unit-box":    func(x []float32) []float32 { datasets.UnitBox(x); return x },
		"fps":         func(x []float32) []float32 { datasets.FarthestPoints(x, 12); return x[:36] },
	} {
		want := vectors[name]
		if len(want) == 0 {
			t.Fatalf("no vector %s", name)
		}
		if got := kernel(slices.Clone(vectors["input"])); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

func TestDegenerateClouds(t *testing.T) {
	t.Parallel()
	for name, kernel := range map[string]func([]float32){
		"unit-sphere": datasets.UnitSphere,
		"unit-box":    datasets.UnitBox,
		"fps":         func(x []float32) { datasets.FarthestPoints(x, len(x)/3) },
	} {
		for _, x := range [][]float32{{}, {5, 6, 7}, {5, 6, 7, 5, 6, 7, 5, 6, 7}} {
			kernel(x)
			for _, v := range x {
				if v-v != 0 || name != "fps" && v != 0 {
					t.Errorf("%s of equal points: %v", name, x)
				}
			}
		}
	}
}

func apply(t testing.TB, ds datasets.Dataset, p datasets.Preprocess) datasets.Dataset {
	t.Helper()
	out, err := datasets.Apply(ds, p)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestApply(t *testing.T) {
	t.Parallel()
	base := open(t, "testdata/modelnet", "train")
	clean := read(t, base, 1).X
	tests := []struct {
		name, history string
		p             datasets.Preprocess
		check         func(x []float32) bool
	}{
		{"axes", "preprocess: axes xz-y", datasets.Preprocess{Axes: "xz-y"},
			func(x []float32) bool { return x[3] == clean[3] && x[4] == clean[5] && x[5] == -clean[4] }},
		{"first", "preprocess: first 5 points", datasets.Preprocess{Points: 5},
			func(x []float32) bool { return slices.Equal(x, clean[:15]) }},
		{"random", "preprocess: random 5 points (seed 3)", datasets.Preprocess{Points: 5, Sample: "random", Seed: 3},
			func(x []float32) bool { return len(x) == 15 && !slices.Equal(x, clean[:15]) }},
		{"fps", "preprocess: fps 5 points", datasets.Preprocess{Points: 5, Sample: "fps"},
			func(x []float32) bool { return len(x) == 15 && slices.Equal(x[:3], clean[:3]) }},
		{"everything in order", "preprocess: axes zyx, first 4 points, normalize unit-box",
			datasets.Preprocess{Points: 4, Axes: "zyx", Normalize: "unit-box"},
			func(x []float32) bool {
				want := make([]float32, 12)
				for i := range want {
					want[i] = clean[i/3*3+2-i%3]
				}
				datasets.UnitBox(want)
				return slices.Equal(x, want)
			}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			datasettest.Run(t, func(t *testing.T) datasets.Dataset {
				return apply(t, open(t, "testdata/modelnet", "train"), test.p)
			})
			ds := apply(t, base, test.p)
			if s := read(t, ds, 1); !test.check(s.X) {
				t.Errorf("from %v came %v", clean, s.X)
			}
			if got := ds.Info().History; !slices.Equal(got, []string{test.history}) {
				t.Errorf("history %q, want %q", got, test.history)
			}
		})
	}
	if apply(t, base, datasets.Preprocess{Sample: "fps", Seed: 4}) != base {
		t.Error("preprocessing that changes nothing wraps the data set")
	}
}

// TestRandomPoints checks that random points are drawn without replacement, and
// differ from sample to sample.
func TestRandomPoints(t *testing.T) {
	t.Parallel()
	base := open(t, "testdata/modelnet", "train")
	twice := apply(t, datasets.Subset(base, []int{0, 0}, "twice"),
		datasets.Preprocess{Points: testPoints, Sample: "random"})
	a, b := read(t, twice, 0).X, read(t, twice, 1).X
	if slices.Equal(a, b) {
		t.Error("two samples have the same random order")
	}
	for _, x := range [][]float32{a, b} {
		want := slices.Clone(read(t, base, 0).X)
		slices.Sort(x)
		slices.Sort(want)
		if !slices.Equal(x, want) {
			t.Error("choosing all points at random loses some")
		}
	}
}

func TestPreprocessRefusals(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]datasets.Preprocess{
		"points is -1":          {Points: -1},
		`sample is "last"`:      {Sample: "last"},
		`normalize is "sphere"`: {Normalize: "sphere"},
		`axes is "xy"`:          {Axes: "xy"},
		`axes is "xyy"`:         {Axes: "xyy"},
		`axes is "xyzx"`:        {Axes: "xyzx"},
		`axes is "--xyz"`:       {Axes: "--xyz"},
		`axes is "xyz-"`:        {Axes: "xyz-"},
	} {
		if err := p.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", p, err, want)
		}
		if _, err := datasets.Apply(open(t, "testdata/modelnet", "train"), p); err == nil {
			t.Errorf("Apply takes %+v", p)
		}
	}
	var s datasets.Sample
	few := apply(t, open(t, "testdata/modelnet", "train"), datasets.Preprocess{Points: 17})
	if err := few.Read(t.Context(), &s, 2); err == nil ||
		!strings.Contains(err.Error(), "sample 2 has 16 points, fewer than the 17 requested") {
		t.Errorf("too few points: %v", err)
	}
	features := apply(t, open(t, "testdata/npz/features.npz", ""), datasets.Preprocess{Normalize: "unit-box"})
	if err := features.Read(t.Context(), &s, 0); err == nil || !strings.Contains(err.Error(), "sample 0 has shape [48]") {
		t.Errorf("no cloud: %v", err)
	}
}

func TestPreprocessJSON(t *testing.T) {
	t.Parallel()
	got, err := json.Marshal(datasets.Preprocess{Points: 256, Sample: "fps", Normalize: "unit-sphere", Axes: "xzy"})
	want := `{"points":256,"sample":"fps","seed":0,"normalize":"unit-sphere","axes":"xzy"}`
	if err != nil || string(got) != want {
		t.Errorf("%s (%v), want %s", got, err, want)
	}
}

// BenchmarkFarthestPoints chooses 1,024 of 8,192 points.

// many is the cloud farthest_of_many of testdata/make.py: 8,192 points.
func many() []float32 {
	x := make([]float32, 3*8192)
	for k := range x {
		x[k] = float32(k*40503%16384-8192) / 8192
	}
	for k := 0; k < len(x); k += 3 {
		x[k+2] *= x[k]
	}
	return x
}

// TestFarthestOfMany takes 1,024 of 8,192 points and compares with numpy's loop.
func TestFarthestOfMany(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/cloud.json")
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Hash string `json:"fps-8192"`
	}
	if err := json.Unmarshal(text, &want); err != nil || want.Hash == "" {
		t.Fatalf("no vector (%v)", err)
	}
	x := many()
	datasets.FarthestPoints(x, 1024)
	h := sha256.New()
	for _, v := range x[:3*1024] {
		h.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(v)))
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != want.Hash {
		t.Errorf("the points hash to %s, want %s", got, want.Hash)
	}
}

// TestFarthestOfEqual checks that the first of several equally distant points is chosen.
func TestFarthestOfEqual(t *testing.T) {
	t.Parallel()
	x := []float32{0, 0, 0, 1, 0, 0, 0, 2, 0, -2, 0, 0, 0, -2, 0}
	datasets.FarthestPoints(x, 3)
	if want := []float32{0, 0, 0, 0, 2, 0, -2, 0, 0}; !slices.Equal(x[:9], want) {
		t.Errorf("got %v, want %v", x[:9], want)
	}
}

// TestFarthestFromRandom checks that the start depends on seed and sample, and that every
// later point is the farthest from those before it.
func TestFarthestFromRandom(t *testing.T) {
	t.Parallel()
	base := open(t, "testdata/npz/float32.npz", "")
	starts := map[[3]float32]bool{}
	for seed := range uint64(4) {
		ds := apply(t, base, datasets.Preprocess{Points: 5, Sample: "fps-random", Seed: seed})
		s := read(t, ds, 0)
		starts[[3]float32(s.X)] = true
		if again := read(t, ds, 0); !slices.Equal(s.X, again.X) {
			t.Error("one seed gives two clouds")
		}
		all := read(t, base, 0).X
		for k := 1; k < 5; k++ {
			far := float32(0)
			for i := 0; i < len(all); i += 3 {
				far = max(far, nearest(s.X[:3*k], all[i:]))
			}
			if got := nearest(s.X[:3*k], s.X[3*k:]); got != far {
				t.Errorf("seed %d: point %d is %v away, the farthest %v", seed, k, got, far)
			}
		}
	}
	if len(starts) < 2 {
		t.Error("four seeds start at one point")
	}
}

// nearest is the squared distance of p to the nearest of points.
func nearest(points, p []float32) float32 {
	least := float32(math.Inf(1))
	for i := 0; i < len(points); i += 3 {
		x, y, z := points[i]-p[0], points[i+1]-p[1], points[i+2]-p[2]
		least = min(least, float32(x*x)+float32(y*y)+float32(z*z))
	}
	return least
}

func BenchmarkFarthestPoints(b *testing.B) {
	base := many()
	x := slices.Clone(base)
	for b.Loop() {
		copy(x, base)
		datasets.FarthestPoints(x, 1024)
	}
}
