package datasets

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// flatMesh puts corners in the plane of a mesh, rotated in space so that no axis is special.
func flatMesh(at [][2]float64) *mesh {
	u, v := [3]float64{.6, .48, .64}, [3]float64{-.8, .36, .48} // orthonormal
	m := &mesh{}
	for _, p := range at {
		var x [3]float64
		for k := range x {
			x[k] = 5 + p[0]*u[k] + p[1]*v[k]
		}
		m.vertices = append(m.vertices, x)
	}
	return m
}

func (m *mesh) totalArea() (sum float64) {
	for _, t := range m.triangles {
		sum += m.area(t)
	}
	return sum
}

// Triangles of a simple polygon have its area in all, from whichever corner and in whichever direction it is written.
func TestAreasOfPolygons(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	star := func(n int) (at [][2]float64) { // simple: corners by angle about the origin
		for i := range n {
			angle, radius := 2*math.Pi*float64(i)/float64(n), .1+r.Float64()
			at = append(at, [2]float64{radius * math.Cos(angle), radius * math.Sin(angle)})
		}
		return at
	}
	polygons := map[string][][2]float64{
		"L":            {{0, 0}, {2, 0}, {2, 1}, {1, 1}, {1, 2}, {0, 2}},
		"arrow":        {{0, 0}, {2, 1}, {0, 2}, {.5, 1}},
		"U":            {{0, 0}, {3, 0}, {3, 3}, {2, 3}, {2, 1}, {1, 1}, {1, 3}, {0, 3}},
		"collinear":    {{0, 0}, {1, 0}, {2, 0}, {2, 1}, {1, 1}, {1, 1.5}, {1, 2}, {0, 2}, {0, 1}},
		"twice":        {{0, 0}, {2, 0}, {2, 0}, {2, 1}, {1, 1}, {1, 2}, {0, 2}, {0, 2}},
		"hole":         {{0, 0}, {4, 0}, {4, 4}, {0, 4}, {0, 0}, {1, 1}, {1, 3}, {3, 3}, {3, 1}, {1, 1}},
		"convex":       {{0, 0}, {2, 0}, {3, 1}, {2, 2}, {0, 2}},
		"spiral":       {{0, 0}, {5, 0}, {5, 5}, {0, 5}, {0, 2}, {3, 2}, {3, 3}, {1, 3}, {1, 4}, {4, 4}, {4, 1}, {0, 1}},
		"hairy circle": star(300),
	}
	for i := range 40 {
		polygons[fmt.Sprint("star ", i)] = star(4 + i)
	}
	for name, at := range polygons {
		want := 0.0
		for i, p := range at {
			q := at[(i+1)%len(at)]
			want += (p[0]*q[1] - p[1]*q[0]) / 2
		}
		m := flatMesh(at)
		for shift := range min(len(at), 20) {
			for _, reversed := range []bool{false, true} {
				corners := make([]int, len(at))
				for i := range corners {
					corners[i] = (i + shift) % len(at)
					if reversed {
						corners[i] = (2*len(at) - i - shift) % len(at)
					}
				}
				m.triangles = nil
				if err := m.addPolygon(corners); err != nil {
					t.Errorf("%s from %d, reversed %v: %v", name, shift, reversed, err)
				} else if got := m.totalArea(); math.Abs(got-want) > 1e-9*want {
					t.Errorf("%s from %d, reversed %v: area %g, want %g", name, shift, reversed, got, want)
				}
			}
		}
	}
}

// A polygon whose sides cross has no area by which points could be drawn.
func TestCrossingPolygons(t *testing.T) {
	t.Parallel()
	for name, at := range map[string][][2]float64{
		"bow tie":   {{0, 0}, {2, 2}, {2, 0}, {0, 2}},
		"uneven":    {{0, 0}, {2, 2}, {2, 0}, {0, 1}},
		"pentagram": {{0, 1}, {.6, -.8}, {-1, .3}, {1, .3}, {-.6, -.8}},
	} {
		err := flatMesh(at).addPolygon([]int{0, 1, 2, 3, 4}[:len(at)])
		if err == nil || !strings.Contains(err.Error(), "cross each other") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := flatMesh([][2]float64{{0, 0}, {1, 0}, {2, 0}, {3, 0}}).addPolygon([]int{0, 1, 2, 3}); err != nil {
		t.Errorf("corners on a line: %v", err) // of area 0
	}
}

// No point of a concave face lies outside of it, in both formats of polygons.
func TestPointsOfConcaveFaces(t *testing.T) {
	t.Parallel()
	opt := fileOptions{points: 2000, rng: keyedRand("test", 1)}
	for name, read := range map[string]func() ([]float32, error){
		"off": func() ([]float32, error) {
			return decodeOFF(nil, []byte("OFF\n6 1 0\n2 0 0\n2 1 0\n1 1 0\n1 2 0\n0 2 0\n0 0 0\n6 0 1 2 3 4 5\n"), opt)
		},
		"obj": func() ([]float32, error) {
			return decodeOBJ(nil, []byte("v 2 0 0\nv 2 1 0\nv 1 1 0\nv 1 2 0\nv 0 2 0\nv 0 0 0\nf 1 2 3 4 5 6\n"), opt)
		},
	} {
		x, err := read()
		if err != nil || len(x) != 3*opt.points {
			t.Fatal(name, len(x), err)
		}
		corner := 0
		for i := 0; i < len(x); i += 3 {
			if x[i] > 1.0001 && x[i+1] > 1.0001 {
				t.Fatalf("%s: (%g, %g) lies outside", name, x[i], x[i+1])
			}
			if x[i] < 1 && x[i+1] < 1 {
				corner++
			}
		}
		if corner < 590 || corner > 740 { // 1/3 of 2,000: 667, standard deviation 21
			t.Errorf("%s: %d of %d points lie in a third of the face", name, corner, opt.points)
		}
	}
}
