package shapes

import (
	"math"
	"testing"
)

func (m mesh) area() float64 {
	total := 0.0
	for _, t := range m {
		total += t.area()
	}
	return total
}

func TestPrimitiveAreasAndBounds(t *testing.T) {
	t.Parallel()
	// A regular prism of n sides has the areas below in place of a circle's.
	n := float64(roundSides)
	girth, disc := 2*n*math.Sin(math.Pi/n), n/2*math.Sin(2*math.Pi/n)
	for _, c := range []struct {
		name   string
		m      mesh
		area   float64
		within float64 // relative; flat sides make round bodies smaller
		height float64
	}{
		{"box", box(2, 3, 4), 2 * (6 + 8 + 12), 1e-12, 3},
		{"cylinder", cylinder(2, 5), girth*2*5 + 2*disc*4, 1e-12, 5},
		{"cone", revolve(4, ring{math.Sqrt2 / 2, 0}, ring{0, 1}), 4 * 0.5 * math.Sqrt(1.25), 1e-12, 1},
		{"ball", ball(2, 2, 2), 4 * math.Pi, 0.1, 2},
		{"tube", tube(1, 0.2, 0, 2*math.Pi), 4 * math.Pi * math.Pi * 0.1, 0.1, 2.2},
		{"bar", bar(0.2, vec{0, 0, 0}, vec{0, 3, 0}), 6 * 0.1 * 3, 1e-12, 3},
	} {
		lo, hi := c.m.bounds()
		if got := c.m.area(); math.Abs(got-c.area) > c.within*c.area {
			t.Errorf("%s: area %v, want %v within %v", c.name, got, c.area, c.within)
		}
		if got := hi[1] - lo[1]; math.Abs(got-c.height) > 1e-12 {
			t.Errorf("%s: height %v, want %v", c.name, got, c.height)
		}
	}
}

func TestSamplesAreUniformByArea(t *testing.T) {
	t.Parallel()
	r := newSource(0, CAD, "train", "uniform", 0)
	const n = 20000
	share := func(m mesh, in func(p vec) bool) float64 {
		s, hits := newSampler(m), 0
		for range n {
			if p, _ := s.sample(r); in(p) {
				hits++
			}
		}
		return float64(hits) / n
	}
	twoBoxes := join(box(1, 1, 1), box(1, 1, 1).scale(2, 2, 2).move(5, 0, 0)) // areas 6 and 24
	square := quad(vec{0, 0, 0}, vec{1, 0, 0}, vec{1, 1, 0}, vec{0, 1, 0})
	for name, got := range map[string][2]float64{ // computed and expected share
		"small box":    {share(twoBoxes, func(p vec) bool { return p[0] < 2 }), 0.2},
		"first corner": {share(square, func(p vec) bool { return p[0]+p[1] < 0.5 }), 0.125},
		"middle quarter": {share(square, func(p vec) bool { return math.Abs(p[0]-0.5) < 0.25 && math.Abs(p[1]-0.5) < 0.25 }),
			0.25},
	} {
		// Five standard deviations of a share of n draws are 0.018 at most.
		if math.Abs(got[0]-got[1]) > 0.018 {
			t.Errorf("share of the %s is %.4f, want %.4f", name, got[0], got[1])
		}
	}
}

func TestCameraSeesOneSide(t *testing.T) {
	t.Parallel()
	r := newSource(0, Scan, "train", "camera", 0)
	m := join(box(1, 1, 1), box(1, 1, 1).move(0, 0, -3)) // one box behind the other
	v := newView(r, m, 0, 3)
	v.holes = []hole{{vec{0.5, 0.5, 0.5}, 0.3}}
	for range 1000 {
		p := v.sample(r)
		if p[2] < 0.5-1e-9 && p[0] > -0.5+1e-9 && p[0] < 0.5-1e-9 && p[1] > 1e-9 && p[1] < 1-1e-9 {
			t.Fatalf("point %v is behind the front face", p)
		}
		if p.sub(v.holes[0].centre).norm() < 0.3 {
			t.Fatalf("point %v is in the hole", p)
		}
	}
}

// Every class must stand on the ground and give finite samples for any parameters; 500 objects of each class cover
// the extremes of the random choices.
func TestObjectsAreSound(t *testing.T) {
	t.Parallel()
	for _, name := range Names() {
		for i := range 500 {
			m := mustLookup(t, name).build(newSource(7, CAD, "train", name, i))
			lo, hi := m.bounds()
			size := hi.sub(lo).norm()
			if !(size > 0.3 && size < 4) || !(m.area() > 0) {
				t.Fatalf("%s %d: size %v, area %v", name, i, size, m.area())
			}
			if lo[1] < -0.05*size || lo[1] > 0.05*size {
				t.Fatalf("%s %d: lowest point at %v, want about 0", name, i, lo[1])
			}
		}
	}
}

func mustLookup(t *testing.T, name string) class {
	t.Helper()
	c, err := classes.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
