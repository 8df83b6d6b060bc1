package corrupt_test

import (
	"crypto/sha256"
	"encoding/binary"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/corrupt"
	"github.com/wiseft/wiseft/datasets/corrupt/corrupttest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	if len(corrupt.All()) < 7 {
		t.Fatalf("only %d corruptions are registered", len(corrupt.All()))
	}
	for _, c := range corrupt.All() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			corrupttest.Run(t, c)
		})
	}
}

// publishedPoints is how many of 1,024 points remain, by severity, in the published files.
var publishedPoints = map[string][5]int{
	"scale":              {1024, 1024, 1024, 1024, 1024},
	"jitter":             {1024, 1024, 1024, 1024, 1024},
	"rotate":             {1024, 1024, 1024, 1024, 1024},
	"dropout_global":     {768, 640, 512, 384, 256},
	"dropout_local":      {924, 824, 724, 624, 524},
	"add_global":         {1034, 1044, 1054, 1064, 1074},
	"add_local":          {1124, 1224, 1324, 1424, 1524},
	"occlusion":          {1024, 1024, 1024, 1024, 1024},
	"lidar":              {768, 768, 768, 768, 768},
	"density_inc":        {1024, 1024, 1024, 1024, 1024},
	"density":            {949, 874, 799, 724, 649},
	"cutout":             {964, 934, 874, 814, 724},
	"uniform":            {1024, 1024, 1024, 1024, 1024},
	"gaussian":           {1024, 1024, 1024, 1024, 1024},
	"impulse":            {1024, 1024, 1024, 1024, 1024},
	"upsampling":         {1228, 1280, 1365, 1536, 2048},
	"background":         {1046, 1049, 1053, 1058, 1075},
	"rotation":           {1024, 1024, 1024, 1024, 1024},
	"shear":              {1024, 1024, 1024, 1024, 1024},
	"distortion":         {1024, 1024, 1024, 1024, 1024},
	"distortion_rbf":     {1024, 1024, 1024, 1024, 1024},
	"distortion_rbf_inv": {1024, 1024, 1024, 1024, 1024},
}

func TestPublishedPoints(t *testing.T) {
	t.Parallel()
	tried := 0
	for _, name := range []string{"modelnet-c", "modelnet40-c"} {
		suite, err := corrupt.LookupSuite(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range suite.Corruptions {
			tried++
			for severity := 1; severity <= suite.Severities; severity++ {
				for i := range 3 {
					if got, want := read(t, name, severity, i).Shape[0], publishedPoints[name][severity-1]; got != want {
						t.Errorf("%s severity %d, cloud %d: %d points, want %d", name, severity, i, got, want)
					}
				}
			}
		}
	}
	if tried != len(publishedPoints) {
		t.Errorf("the suites hold %d corruptions, want %d", tried, len(publishedPoints))
	}
}

var clouds = corrupttest.Clouds(200, 1024)

func wrap(t testing.TB, name string, severity int) datasets.Dataset {
	t.Helper()
	c, err := corrupt.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	ds, err := corrupt.Wrap(clouds, c, severity, 0)
	if err != nil {
		t.Fatal(err)
	}
	return ds
}

func read(t testing.TB, name string, severity, i int) datasets.Sample {
	t.Helper()
	var s datasets.Sample
	if err := wrap(t, name, severity).Read(t.Context(), &s, i); err != nil {
		t.Fatal(err)
	}
	return s
}

var update = flag.Bool("update", false, "write testdata/golden.txt again")

// TestGolden compares the corrupted clouds with hashes in testdata/golden.txt, one line for each corruption of
// clouds. Other bytes change every cached result, so that a changed line needs a new generator number in
// Info.History (see keyed.line).
func TestGolden(t *testing.T) {
	t.Parallel()
	var got strings.Builder
	for _, c := range corrupt.All() {
		if c.Image != nil || c.Name == flatten.Name {
			continue // images are experimental; flatten is the example's
		}
		h := sha256.New()
		for severity := 1; severity <= corrupt.Severities; severity++ {
			for i := range 4 {
				for _, v := range read(t, c.Name, severity, i).X {
					h.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(v)))
				}
			}
		}
		fmt.Fprintf(&got, "%s %x\n", c.Name, h.Sum(nil))
	}
	if *update {
		if err := os.WriteFile("testdata/golden.txt", []byte(got.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/golden.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("hashes differ from testdata/golden.txt (go test ./datasets/corrupt -run TestGolden -update):\n%s\nwant\n%s",
			got.String(), want)
	}
}

func original(t testing.TB, i int) datasets.Sample {
	t.Helper()
	var s datasets.Sample
	if err := clouds.Read(t.Context(), &s, i); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestJitterDistribution(t *testing.T) {
	t.Parallel()
	for severity := 1; severity <= 5; severity++ {
		var sum, squares, largest float64
		n := 0
		for i := range 100 {
			clean, noisy := original(t, i), read(t, "jitter", severity, i)
			for k := range clean.X {
				d := float64(noisy.X[k]) - float64(clean.X[k])
				sum, squares, largest = sum+d, squares+d*d, max(largest, math.Abs(d))
				n++
			}
		}
		sigma := 0.01 * float64(severity)
		// 307,200 deviates: the estimated sigma is off by 0.13 % (one standard error).
		if got := math.Sqrt(squares / float64(n)); math.Abs(got/sigma-1) > 0.007 {
			t.Errorf("severity %d: sigma %.5f, want %.5f", severity, got, sigma)
		}
		if mean := sum / float64(n); math.Abs(mean) > 5*sigma/math.Sqrt(float64(n)) {
			t.Errorf("severity %d: mean %.6f", severity, mean)
		}
		if largest < 4*sigma {
			t.Errorf("severity %d: largest deviate %.3f sigma: clipped?", severity, largest/sigma)
		}
	}
}

func TestScaleIsNormalised(t *testing.T) {
	t.Parallel()
	for severity := 1; severity <= 5; severity++ {
		limit := 1.5 + 0.1*float64(severity)
		widest := 0.0
		for i := range 200 {
			x := read(t, "scale", severity, i).X
			radius, mean := 0.0, 0.0
			for k := 0; k < len(x); k += 3 {
				radius = max(radius, norm(x[k:]))
				mean += float64(x[k]) + float64(x[k+1]) + float64(x[k+2])
			}
			if mean /= 1024; math.Abs(radius-1) > 1e-6 || math.Abs(mean) > 1e-5 {
				t.Fatalf("severity %d: radius %v, mean coordinate %v", severity, radius, mean)
			}
			stretch := sides(x)
			for a, side := range sides(original(t, i).X) {
				stretch[a] /= side
			}
			widest = max(widest, slices.Max(stretch[:])/slices.Min(stretch[:]))
		}
		// Factors lie between 1/limit and limit, so that two of them differ by a factor of at most limit^2.
		if widest > limit*limit+1e-5 || widest < 0.8*limit*limit {
			t.Errorf("severity %d: factors differ up to %.3f times, want nearly %.3f", severity, widest, limit*limit)
		}
	}
}

// sides returns the sides of the bounding box.
func sides(x []float32) (out [3]float64) {
	for a := range 3 {
		low, high := x[a], x[a]
		for k := a; k < len(x); k += 3 {
			low, high = min(low, x[k]), max(high, x[k])
		}
		out[a] = float64(high) - float64(low)
	}
	return out
}

func TestRotateIsRigid(t *testing.T) {
	t.Parallel()
	for severity := 1; severity <= 5; severity++ {
		widest := 0.0
		for i := range 200 {
			a, b := original(t, i).X, read(t, "rotate", severity, i).X
			// Lengths and the triple product of three points stay the same: it is a rotation and no reflection.
			if got, want := triple(b), triple(a); math.Abs(got-want) > 1e-6 {
				t.Fatalf("severity %d: triple product %v, want %v", severity, got, want)
			}
			for k := 0; k < 90; k += 3 {
				p, q := norm(a[k:]), norm(b[k:])
				if math.Abs(p-q) > 1e-6 {
					t.Fatalf("severity %d: norm %v, want %v", severity, q, p)
				}
				if p > 0.1 {
					dot := float64(a[k])*float64(b[k]) + float64(a[k+1])*float64(b[k+1]) + float64(a[k+2])*float64(b[k+2])
					widest = max(widest, math.Acos(min(1, dot/p/q))*180/math.Pi)
				}
			}
		}
		// Three turns of up to 6 degrees a severity add up to less than three times that.
		if limit := 6 * float64(severity); widest > 3*limit || widest < limit {
			t.Errorf("severity %d: points turn by up to %.1f degrees, with three angles up to %.0f", severity, widest, limit)
		}
	}
}

func norm(p []float32) float64 {
	return math.Sqrt(float64(p[0])*float64(p[0]) + float64(p[1])*float64(p[1]) + float64(p[2])*float64(p[2]))
}

func triple(x []float32) float64 {
	var v [9]float64
	for i := range v {
		v[i] = float64(x[i+3])
	}
	return v[0]*(v[4]*v[8]-v[5]*v[7]) - v[1]*(v[3]*v[8]-v[5]*v[6]) + v[2]*(v[3]*v[7]-v[4]*v[6])
}

func TestAddGlobalFillsTheBall(t *testing.T) {
	t.Parallel()
	inner, n := 0, 0
	for i := range 200 {
		s := read(t, "add_global", 5, i)
		if !slices.Equal(s.X[:3072], original(t, i).X) {
			t.Fatal("the original points changed")
		}
		for k := 3072; k < len(s.X); k += 3 {
			r := norm(s.X[k:])
			if r > 1+1e-6 {
				t.Fatalf("a point lies at distance %v", r)
			}
			if r < 0.5 {
				inner++
			}
			n++
		}
	}
	// An eighth of the ball lies within half its radius; 5 standard errors are 0.0165.
	if share := float64(inner) / float64(n); math.Abs(share-0.125) > 0.0165 {
		t.Errorf("%.4f of %d points lie within half the radius, want 0.125", share, n)
	}
}

func TestAddLocalStaysInTheBall(t *testing.T) {
	t.Parallel()
	for i := range 100 {
		s := read(t, "add_local", 5, i)
		for k := 3072; k < len(s.X); k += 3 {
			if r := norm(s.X[k:]); r > 1+1e-6 {
				t.Fatalf("an added point lies at distance %v", r)
			}
		}
		if !slices.Equal(sorted(s.X[:3072]), sorted(original(t, i).X)) {
			t.Fatal("the first points are not the original ones")
		}
	}
}

// sorted lists the points of a cloud as text, in order.
func sorted(x []float32) []string {
	var all []string
	for k := 0; k < len(x); k += 3 {
		all = append(all, fmt.Sprint(x[k:k+3]))
	}
	slices.Sort(all)
	return all
}

// TestDropoutsKeepOriginalPoints checks that the remaining points are points of the clean cloud.
func TestDropoutsKeepOriginalPoints(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"dropout_global", "dropout_local"} {
		for i := range 10 {
			all := sorted(original(t, i).X)
			for _, p := range sorted(read(t, name, 4, i).X) {
				at, ok := slices.BinarySearch(all, p)
				if !ok {
					t.Fatalf("%s: point %s is not in the cloud, or too often", name, p)
				}
				all = slices.Delete(all, at, at+1)
			}
		}
	}
}

func TestInfo(t *testing.T) {
	t.Parallel()
	info := wrap(t, "dropout_local", 3).Info()
	want := "corrupt: dropout_local severity 3 (300 of 1024 points dropped), seed 0, generator wiseft 2"
	if !info.SelfMade || len(info.History) != 1 || info.History[0] != want {
		t.Errorf("Info is %+v, want history %q", info, want)
	}
}

// roomy has a history with spare capacity, to which two wrappers could both append.
type roomy struct {
	datasets.Dataset
	history []string
}

func (r roomy) Info() datasets.Info { return datasets.Info{Name: "roomy", History: r.history} }

func TestInfoSharesNothing(t *testing.T) {
	t.Parallel()
	c, _ := corrupt.Lookup("jitter")
	base := roomy{clouds, append(make([]string, 0, 8), "first")}
	var infos []datasets.Info
	for severity := 1; severity <= 2; severity++ {
		ds, err := corrupt.Wrap(base, c, severity, 0)
		if err != nil {
			t.Fatal(err)
		}
		infos = append(infos, ds.Info())
	}
	if infos[0].History[1] == infos[1].History[1] {
		t.Errorf("two wrappers of one data set have one history: %q", infos[0].History[1])
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	if _, err := corrupt.Lookup("fog"); err == nil {
		t.Error("there is no corruption fog")
	}
	if _, err := corrupt.LookupSuite("fog"); err == nil {
		t.Error("there is no suite fog")
	}
	if _, err := corrupt.Wrap(clouds, corrupt.Corruption{Name: "fog"}, 1, 0); err == nil ||
		!strings.Contains(err.Error(), "jitter") {
		t.Errorf("an empty corruption gives %v", err)
	}
	for _, s := range corrupt.Suites() {
		if s.Stored {
			continue
		}
		for _, name := range append(s.Corruptions, s.Stream...) {
			if _, err := corrupt.Lookup(name); err != nil {
				t.Errorf("suite %s names %s, which is not registered", s.Name, name)
			}
		}
	}
}

// BenchmarkApply corrupts one cloud of 1,024 points, at severity 5.
func BenchmarkApply(b *testing.B) {
	mem, err := datasets.InMemory(b.Context(), corrupttest.Clouds(1, 1024), nil)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range corrupt.All() {
		if c.Image != nil {
			continue
		}
		b.Run("corruption="+c.Name, func(b *testing.B) {
			ds, err := corrupt.Wrap(mem, c, 5, 0)
			if err != nil {
				b.Fatal(err)
			}
			var s datasets.Sample
			b.ReportAllocs()
			for b.Loop() {
				if err := ds.Read(b.Context(), &s, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
