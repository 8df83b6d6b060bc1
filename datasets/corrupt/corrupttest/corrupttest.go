// Package corrupttest checks that a corruption keeps the contract of package corrupt. Every registered corruption
// runs it.
package corrupttest

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/corrupt"
	"github.com/wiseft/wiseft/datasets/datasettest"
)

// Clouds returns a procedural data set of n clouds of the given number of points inside the unit ball: boxes and bent
// sheets, computed by exact arithmetic only, so that its bits are the same on every processor.
func Clouds(n, points int) datasets.Dataset { return clouds{n, points} }

type clouds struct{ n, points int }

func (c clouds) Info() datasets.Info {
	return datasets.Info{Name: "procedural clouds", Format: "corrupttest", Classes: []string{"box", "sheet"},
		SelfMade: true}
}
func (c clouds) Len() int          { return c.n }
func (c clouds) Label(i int) int64 { return int64(i % 2) }
func (c clouds) Close() error      { return nil }

func (c clouds) Hash(context.Context) (string, error) {
	return fmt.Sprintf("%064x", c.n<<32|c.points), nil
}

func (c clouds) Read(ctx context.Context, dst *datasets.Sample, i int) error {
	if i < 0 || i >= c.n {
		return fmt.Errorf("procedural clouds: sample %d is out of range", i)
	}
	x := make([]float32, 0, 3*c.points)
	for k := range c.points {
		// Multiples of 1/64 from -1/2 to 1/2, spread by steps coprime to 65.
		u := float32((k*7+i)%65-32) / 64
		v := float32((k*k+3*i)%65-32) / 64
		w := float32((k*31)%65-32) / 64
		if i%2 == 1 {
			w = u * v
		}
		x = append(x, u, v, w)
	}
	dst.Set(x, []int{c.points, 3}, c.Label(i))
	return ctx.Err()
}

// Images returns a procedural data set of n images of 3 channels with values from 0 to 1: gradients and a bright
// corner, computed by exact arithmetic only.
func Images(n, height, width int) datasets.Dataset { return images{n, height, width} }

type images struct{ n, height, width int }

func (m images) Info() datasets.Info {
	return datasets.Info{Name: "procedural images", Format: "corrupttest", Classes: []string{"even", "odd"},
		SelfMade: true}
}
func (m images) Len() int          { return m.n }
func (m images) Label(i int) int64 { return int64(i % 2) }
func (m images) Close() error      { return nil }

func (m images) Hash(context.Context) (string, error) {
	return fmt.Sprintf("%064x", m.n<<40|m.height<<20|m.width), nil
}

func (m images) Read(ctx context.Context, dst *datasets.Sample, i int) error {
	if i < 0 || i >= m.n {
		return fmt.Errorf("procedural images: sample %d is out of range", i)
	}
	x := make([]float32, 0, 3*m.height*m.width)
	for channel := range 3 {
		for row := range m.height {
			for column := range m.width {
				slope := (row*(channel+1)+column*2+i*5)%96 - 48
				v := float32(max(slope, -slope)) / 96
				if row > m.height/3 && column > m.width/3 {
					v += 0.5
				}
				x = append(x, v)
			}
		}
	}
	dst.Set(x, []int{3, m.height, m.width}, m.Label(i))
	return ctx.Err()
}

// samples returns n samples of the corruption's kind and of about that many points.
func samples(c corrupt.Corruption, n, points int) datasets.Dataset {
	if c.Image == nil {
		return Clouds(n, points)
	}
	side := 1
	for side*side < points {
		side++
	}
	return Images(n, side, side+1)
}

// Run checks a corruption.
func Run(t *testing.T, c corrupt.Corruption) {
	t.Helper()
	t.Run("dataset", func(t *testing.T) {
		for severity := 1; severity <= corrupt.Severities; severity++ {
			datasettest.Run(t, func(t *testing.T) datasets.Dataset { return wrap(t, c, samples(c, 4, 200), severity, 3) })
		}
	})
	t.Run("same seed same bytes", func(t *testing.T) { sameSeed(t, c) })
	t.Run("keys matter", func(t *testing.T) { keysMatter(t, c) })
	t.Run("grows with severity", func(t *testing.T) { grows(t, c) })
	t.Run("input unchanged", func(t *testing.T) { inputUnchanged(t, c) })
	t.Run("any size", func(t *testing.T) { anySize(t, c) })
	t.Run("refused", func(t *testing.T) { refused(t, c) })
}

func wrap(t testing.TB, c corrupt.Corruption, base datasets.Dataset, severity int, seed uint64) datasets.Dataset {
	t.Helper()
	ds, err := corrupt.Wrap(base, c, severity, seed)
	if err != nil {
		t.Fatal(err)
	}
	return ds
}

func read(t testing.TB, ds datasets.Dataset, i int) datasets.Sample {
	t.Helper()
	var s datasets.Sample
	if err := ds.Read(t.Context(), &s, i); err != nil {
		t.Fatal(err)
	}
	return s
}

// sameSeed reads in order, and then concurrently from another wrapper.
func sameSeed(t *testing.T, c corrupt.Corruption) {
	const n = 8
	var want []datasets.Sample
	ds := wrap(t, c, samples(c, n, 512), 3, 9)
	for i := range n {
		want = append(want, read(t, ds, i))
	}
	other := wrap(t, c, samples(c, n, 512), 3, 9)
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			var s datasets.Sample
			for k := range n {
				i := (n - 1 - k + 3*worker) % n
				if err := other.Read(t.Context(), &s, i); err != nil {
					t.Error(err)
				} else if !slices.Equal(s.X, want[i].X) {
					t.Errorf("sample %d differs when read in another order", i)
				}
			}
		})
	}
	wg.Wait()
}

// keysMatter checks that seed, severity and index each change the randomness. Some
// corruptions have few outcomes, so eight samples count together.
func keysMatter(t *testing.T, c corrupt.Corruption) {
	same := datasets.Subset(samples(c, 1, 512), []int{0, 0, 0, 0, 0, 0, 0, 0}, "one cloud eight times")
	all := func(severity int, seed uint64) (out []datasets.Sample) {
		ds := wrap(t, c, same, severity, seed)
		for i := range ds.Len() {
			out = append(out, read(t, ds, i))
		}
		return out
	}
	alike := func(a, b datasets.Sample) bool { return slices.Equal(a.X, b.X) }
	want := all(2, 1)
	if slices.EqualFunc(want, all(2, 2), alike) && !c.Fixed {
		t.Error("two seeds give the same samples")
	}
	if slices.EqualFunc(want, all(3, 1), alike) {
		t.Error("two severities give the same samples")
	}
	if differ := slices.ContainsFunc(want, func(s datasets.Sample) bool { return !alike(s, want[0]) }); differ == c.Fixed {
		t.Errorf("equal samples are corrupted alike: want %v", c.Fixed)
	}
}

// meanDistance is the mean distance of the points of b from the nearest point of a.
func meanDistance(a, b []float32) float64 {
	var sum float64
	for j := 0; j < len(b); j += 3 {
		nearest := float32(math.Inf(1))
		for i := 0; i < len(a); i += 3 {
			x, y, z := a[i]-b[j], a[i+1]-b[j+1], a[i+2]-b[j+2]
			nearest = min(nearest, x*x+y*y+z*z)
		}
		sum += math.Sqrt(float64(nearest))
	}
	return sum / float64(len(b)/3)
}

// grows checks that with every severity the change in the number of points grows or, if the number stays the same,
// the mean distance from the clean cloud and back, both scaled to the unit box.
func grows(t *testing.T, c corrupt.Corruption) {
	if c.Image != nil {
		growsApart(t, c)
		return
	}
	if c.Unordered {
		t.Skip("its severities are not ordered by strength")
	}
	// Enough clouds that the mean's standard error is below the step between two
	// severities of scale, the smallest there is: about 5 %.
	const n, points = 600, 128
	base := Clouds(n, points)
	var lastDistance float64
	var lastCount, firstCount int
	for severity := 1; severity <= corrupt.Severities; severity++ {
		ds := wrap(t, c, base, severity, 5)
		var distance float64
		var count int
		for i := range n {
			s := read(t, ds, i)
			count += max(s.Shape[0]-points, points-s.Shape[0])
			if s.Shape[0] == points {
				clean := read(t, base, i)
				datasets.UnitBox(s.X)
				datasets.UnitBox(clean.X)
				distance += (meanDistance(clean.X, s.X) + meanDistance(s.X, clean.X)) / n
			}
		}
		// With so few points, two severities may change the same number.
		if distance <= lastDistance && (count == 0 || count < lastCount) {
			t.Errorf("severity %d: mean distance %.4f and %d points, after %.4f and %d",
				severity, distance, count, lastDistance, lastCount)
		}
		lastDistance, lastCount = distance, count
		if severity == 1 {
			firstCount = count
		}
	}
	if lastCount > 0 && lastCount <= firstCount {
		t.Errorf("the last severity changes the number of points by %d, the first by %d", lastCount, firstCount)
	}
}

// growsApart checks that images differ more from the clean ones with every severity.
func growsApart(t *testing.T, c corrupt.Corruption) {
	const n = 8
	base := Images(n, 48, 48)
	last := 0.0
	for severity := 1; severity <= corrupt.Severities; severity++ {
		ds := wrap(t, c, base, severity, 5)
		var distance float64
		for i := range n {
			clean := read(t, base, i).X
			for k, v := range read(t, ds, i).X {
				distance += math.Abs(float64(v - clean[k]))
			}
		}
		if distance <= last {
			t.Errorf("severity %d: distance %.1f after %.1f", severity, distance, last)
		}
		last = distance
	}
}

func inputUnchanged(t *testing.T, c corrupt.Corruption) {
	base, err := datasets.InMemory(t.Context(), samples(c, 2, 300), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := read(t, base, 1)
	for severity := 1; severity <= corrupt.Severities; severity++ {
		ds := wrap(t, c, base, severity, 0)
		if got := read(t, ds, 1); slices.Equal(got.X, want.X) {
			t.Errorf("severity %d changes nothing", severity)
		} else if got.Label != want.Label {
			t.Errorf("severity %d changes the label", severity)
		}
	}
	if got := read(t, base, 1); !slices.Equal(got.X, want.X) {
		t.Error("the input changed")
	}
}

// anySize checks that clouds of any size stay finite and never become empty.
func anySize(t *testing.T, c corrupt.Corruption) {
	for _, points := range []int{1, 2, 3, 7, 64, 1024, 3000} {
		for severity := 1; severity <= corrupt.Severities; severity++ {
			s := read(t, wrap(t, c, samples(c, 2, points), severity, 0), 1)
			if n, ok := s.Points(); c.Image == nil && (!ok || n == 0 || len(s.X) != 3*n) {
				t.Fatalf("%d points, severity %d: shape %v with %d values", points, severity, s.Shape, len(s.X))
			}
			for _, v := range s.X {
				if v-v != 0 {
					t.Fatalf("%d points, severity %d: %v", points, severity, v)
				}
			}
		}
	}
}

func refused(t *testing.T, c corrupt.Corruption) {
	for _, severity := range []int{-1, 0, corrupt.Severities + 1} {
		if _, err := corrupt.Wrap(samples(c, 1, 8), c, severity, 0); err == nil {
			t.Errorf("severity %d is not refused", severity)
		}
	}
	var s datasets.Sample
	for _, shape := range [][]int{{4}, {4, 2}, {0, 3}, {2, 2, 3}} {
		if err := wrap(t, c, shaped{samples(c, 1, 4), shape}, 1, 0).Read(t.Context(), &s, 0); err == nil {
			t.Errorf("a sample of shape %v is not refused", shape)
		}
	}
}

// shaped is a data set of samples of any shape.
type shaped struct {
	datasets.Dataset
	shape []int
}

func (s shaped) Read(_ context.Context, dst *datasets.Sample, _ int) error {
	size := 1
	for _, n := range s.shape {
		size *= n
	}
	dst.Set(make([]float32, size), s.shape, 0)
	return nil
}
