package shapes

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/wiseft/wiseft/datasets"
)

func open(t testing.TB, o Options) datasets.Dataset {
	t.Helper()
	d, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func read(t testing.TB, d datasets.Dataset, i int) datasets.Sample {
	t.Helper()
	var s datasets.Sample
	if err := d.Read(context.Background(), &s, i); err != nil {
		t.Fatal(err)
	}
	return s
}

// hashOf is the SHA-256 of all values and labels, little-endian.
func hashOf(t testing.TB, d datasets.Dataset) string {
	t.Helper()
	h := sha256.New()
	for i := range d.Len() {
		s := read(t, d, i)
		if err := binary.Write(h, binary.LittleEndian, s.X); err != nil {
			t.Fatal(err)
		}
		if err := binary.Write(h, binary.LittleEndian, s.Label); err != nil {
			t.Fatal(err)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Published results depend on these values: a deliberate change of them increases Version and replaces the hashes.
func TestValuesStay(t *testing.T) {
	t.Parallel()
	for domain, want := range map[Domain]string{
		CAD:  "782f5105abc79699f29b36652fda86a5fe72453491814de92a6cb5c902c210d1",
		Scan: "c1cfa33206258d50efd53c9e847d6691c229f0dc0dec86586dbe179dfdd73a11",
	} {
		t.Run(string(domain), func(t *testing.T) {
			t.Parallel()
			if got := hashOf(t, open(t, Options{Domain: domain, PerClass: 8})); got != want {
				t.Errorf("values of %s changed: %s, want %s", Version, got, want)
			}
		})
	}
}

func TestSamplesAreClouds(t *testing.T) {
	t.Parallel()
	for _, domain := range []Domain{CAD, Scan} {
		for _, points := range []int{MinPoints, 256, 1000} {
			d := open(t, Options{Domain: domain, PerClass: 3, Points: points})
			for i := range d.Len() {
				s := read(t, d, i)
				if n, ok := s.Points(); !ok || n != points || len(s.X) != 3*points {
					t.Fatalf("%s sample %d: shape %v with %d values, want %d points", domain, i, s.Shape, len(s.X), points)
				}
				if s.Label != d.Label(i) || s.Label != int64(i%len(Names())) {
					t.Fatalf("%s sample %d: label %d, Label says %d", domain, i, s.Label, d.Label(i))
				}
				checkUnitSphere(t, s.X)
			}
		}
	}
}

func checkUnitSphere(t *testing.T, x []float32) {
	t.Helper()
	var mean vec
	radius := 0.0
	for p := range slices.Chunk(x, 3) {
		v := vec{float64(p[0]), float64(p[1]), float64(p[2])}
		mean = mean.add(v.times(3 / float64(len(x))))
		radius = max(radius, v.norm())
	}
	// Coordinates are rounded to float32, 6e-8 of at most 1.
	if !(math.Abs(radius-1) < 1e-6) || !(mean.norm() < 1e-6) {
		t.Fatalf("farthest point at %v, mean %v, want 1 and 0", radius, mean)
	}
}

func TestReadersDoNotMatter(t *testing.T) {
	t.Parallel()
	d := open(t, Options{Domain: Scan, PerClass: 4})
	want := make([]datasets.Sample, d.Len())
	for i := range want {
		want[i] = read(t, d, i)
	}
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			var s datasets.Sample // reused, so that leftovers would show
			for i := d.Len() - 1; i >= 0; i-- {
				if err := d.Read(context.Background(), &s, i); err != nil {
					t.Error(err)
					return
				}
				if !slices.Equal(s.X, want[i].X) {
					t.Errorf("sample %d differs between readers", i)
				}
			}
		})
	}
	readers.Wait()
}

func TestSelectionDoesNotMatter(t *testing.T) {
	t.Parallel()
	all := open(t, Options{Domain: Scan, PerClass: 5})
	few := open(t, Options{Domain: Scan, PerClass: 2, Classes: []string{"table", "chair"}})
	at := func(class string, k int) datasets.Sample {
		return read(t, all, k*len(Names())+slices.Index(Names(), class))
	}
	for i, want := range []datasets.Sample{at("table", 0), at("chair", 0), at("table", 1), at("chair", 1)} {
		if got := read(t, few, i); !slices.Equal(got.X, want.X) || got.Label != int64(i%2) {
			t.Errorf("sample %d of a selection is not the same object", i)
		}
	}
}

func TestEveryParameterCounts(t *testing.T) {
	t.Parallel()
	first := map[string]string{} // options' name by hash of the data set or its values
	for name, o := range map[string]Options{
		"default": {PerClass: 1},
		"domain":  {PerClass: 1, Domain: Scan},
		"val":     {PerClass: 1, Split: "val"},
		"test":    {PerClass: 1, Split: "test"},
		"seed":    {PerClass: 1, Seed: 1},
		"points":  {PerClass: 1, Points: 128},
		"classes": {PerClass: 1, Classes: Indoor()},
		"amount":  {PerClass: 2},
	} {
		d := open(t, o)
		hash, err := d.Hash(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{hash, hashOf(t, d)} {
			if other, ok := first[key]; ok {
				t.Errorf("%s and %s give the same data", name, other)
			}
			first[key] = name
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]Options{
		`domain "lidar" is neither`:       {Domain: "lidar"},
		`split "dev" is not one of train`: {Split: "dev"},
		"-1 clouds a class, want 1 to":    {PerClass: -1},
		"2000000 clouds a class":          {PerClass: 2000000},
		"15 points a cloud, want 16 to":   {Points: 15},
		"100000 points a cloud":           {Points: 100000},
		`there is no shape class "cloud"`: {Classes: []string{"table", "cloud"}},
		`class "table" selected twice`:    {Classes: []string{"table", "table"}},
		"no classes selected, want some ": {Classes: []string{}},
	} {
		if _, err := New(o); err == nil || !strings.HasPrefix(err.Error(), "shapes: "+want) {
			t.Errorf("%+v: %v, want shapes: %s", o, err, want)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	d := open(t, Options{PerClass: 1})
	var s datasets.Sample
	for _, i := range []int{-1, d.Len()} {
		if err := d.Read(context.Background(), &s, i); err == nil || !strings.Contains(err.Error(), "there are 16 samples") {
			t.Errorf("sample %d: %v", i, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := d.Read(ctx, &s, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancel: %v", err)
	}
	for range 2 {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestInfoBelongsToCaller(t *testing.T) {
	t.Parallel()
	d := open(t, Options{Domain: Scan})
	info := d.Info()
	if !info.SelfMade || info.Split != "train" || len(info.Classes) != 16 || len(info.History) != 3 {
		t.Errorf("info %+v", info)
	}
	info.Classes[0] = ""
	if d.Info().Classes[0] == "" {
		t.Error("a change of Info's classes reached the data set")
	}
	for _, name := range Indoor() {
		if !slices.Contains(Names(), name) {
			t.Errorf("indoor class %q is not registered", name)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	for _, domain := range []Domain{CAD, Scan} {
		b.Run("domain="+string(domain), func(b *testing.B) {
			d := open(b, Options{Domain: domain})
			var s datasets.Sample
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := d.Read(context.Background(), &s, i%d.Len()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
