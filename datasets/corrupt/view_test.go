package corrupt

import (
	"math"
	"math/rand/v2"
	"testing"
)

// sphere returns n points spread evenly over a sphere (Fibonacci's lattice).
func sphere(n int, radius float64) []Point {
	points := make([]Point, n)
	for i := range points {
		z := 1 - (2*float64(i)+1)/float64(n)
		flat := math.Sqrt(1 - z*z)
		sin, cos := math.Sincos(float64(i) * math.Pi * (3 - math.Sqrt(5)))
		points[i] = Point{radius * flat * cos, radius * flat * sin, radius * z}
	}
	return points
}

// TestSeesOneSide renders a sphere with a smaller one inside: only the outer one is seen, and of it only the side
// that faces the camera.
func TestSeesOneSide(t *testing.T) {
	t.Parallel()
	points := append(sphere(1000, 1), sphere(300, 0.5)...)
	for severity := 1; severity <= Severities; severity++ {
		rng := rand.New(rand.NewPCG(1, uint64(severity)))
		cam := newCamera(uniform(rng, 2*math.Pi/3, 5*math.Pi/6), viewAngle(rng, severity), 3)
		if d := math.Sqrt(dot(cam.eye, cam.eye)); math.Abs(d-3) > 1e-12 {
			t.Fatalf("the camera is at distance %v, want 3", d)
		}
		seen := cam.look(surface(points))
		if len(seen) < 1024 {
			t.Fatalf("severity %d: only %d pixels meet the object", severity, len(seen))
		}
		for _, p := range seen {
			toEye := Point{cam.eye[0] - p[0], cam.eye[1] - p[1], cam.eye[2] - p[2]}
			// Near the sphere's silhouette, discs of radius 0.13 extend beyond it by 0.13 of the distance to the eye,
			// 2.8.
			if r := math.Sqrt(dot(p, p)); r < 0.9 || r > 1.1 || dot(toEye, p) < -0.4 {
				t.Fatalf("severity %d: %v is seen from %v", severity, p, cam.eye)
			}
		}
		if cam.eye[2] < 1 {
			t.Errorf("severity %d: the camera at %v does not look from above", severity, cam.eye)
		}
	}
}

func TestFacing(t *testing.T) {
	t.Parallel()
	points := sphere(1000, 1)
	for i, d := range surface(points) {
		if aligned := math.Abs(dot(d.normal, points[i])); aligned < 0.98 {
			t.Fatalf("disc %d at %v faces %v", i, points[i], d.normal)
		}
		if d.radius < 0.06 || d.radius > 0.2 {
			t.Fatalf("disc %d has radius %v; 1000 points on a sphere are about 0.1 apart", i, d.radius)
		}
	}
}

// TestScanLines checks that the remaining points lie on lines one degree apart.
func TestScanLines(t *testing.T) {
	t.Parallel()
	eye := Point{0, -5, 1}
	lines := scanLines(sphere(1000, 1), eye)
	if len(lines) < 440 || len(lines) > 560 {
		t.Fatalf("%d of 1000 points are left, want about half", len(lines))
	}
	angle := func(p Point) float64 {
		return math.Acos((p[2]-eye[2])/math.Sqrt(squaredDistance64(p, eye))) * 180 / math.Pi
	}
	first := angle(lines[0])
	for _, p := range lines {
		steps := angle(p) - first
		if math.Abs(steps-math.Round(steps)) > 1e-9 {
			t.Fatalf("%v lies %v degrees from the first line", p, steps)
		}
	}
}
