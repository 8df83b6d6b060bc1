package report

import (
	"strings"
	"testing"

	"github.com/wiseft/wiseft/probe/bench/result"
)

// The picture has a title for every point, the barrier with its figure, and says which points have no loss.
func TestLandscape(t *testing.T) {
	t.Parallel()
	r := full()
	svg := string(drawPlot(t, "landscape", "svg", r))
	for _, want := range []string{"barrier 0.25", "alpha 0.4: loss 1.05, accuracy 75.0 %", "no finite loss", "drawn as the highest one: 1", "barrier of the validation loss: 0.25, at alpha 0.4",
		"pre-trained: loss 1,", "&lt;b&gt;third.onnx: loss 0.75"} {
		if !strings.Contains(svg, want) {
			t.Errorf("the picture has no %q", want)
		}
	}
	if n, want := strings.Count(svg, "accuracy"), 2*6+1+8; n < want {
		t.Errorf("%d marks have titles, want %d", n, want)
	}
	r.Landscape.Points[0].Loss = unknown
	r.Landscape.SetBarrier()
	if svg := string(drawPlot(t, "landscape", "svg", r)); strings.Contains(svg, "barrier 0") || !strings.Contains(svg, "an end has no loss") {
		t.Error("without the loss of an end there is a barrier")
	}
	for i := range r.Landscape.Points {
		r.Landscape.Points[i].Loss = unknown
	}
	if svg := string(drawPlot(t, "landscape", "svg", r)); strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
		t.Error("without any loss the picture has figures that are none")
	}
	if page := explore(t, r); page == "" {
		t.Error("there is no page to explore")
	}
}

// Stored landscapes that are no plane are refused, so that no drawing reads beyond them.
func TestLandscapeRefused(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(l *result.Landscape){
		"a side too long":  func(l *result.Landscape) { l.Side = 4 },
		"a huge side":      func(l *result.Landscape) { l.Side = 1 << 62 },
		"one point less":   func(l *result.Landscape) { l.Points = l.Points[:len(l.Points)-1] },
		"a point moved":    func(l *result.Landscape) { l.Points[10].X++ },
		"rows exchanged":   func(l *result.Landscape) { l.Points[7].X, l.Points[10].X, l.Points[13].X = 99, 99, 99 },
		"path no alpha":    func(l *result.Landscape) { l.Points[2].Alpha = nil },
		"path beyond ends": func(l *result.Landscape) { *l.Points[2].Alpha = 3 },
	} {
		l := plane()
		if err := checkLandscape(l); err != nil {
			t.Fatalf("the plane itself is refused: %v", err)
		}
		spoil(l)
		if err := checkLandscape(l); err == nil {
			t.Errorf("%s: is not refused", name)
		}
	}
}

// Every end of a line within the grid is that of another one, or is on the border: lines do not break off, also in saddles.
func TestContoursAreWhole(t *testing.T) {
	t.Parallel()
	l := &result.Landscape{Side: 4}
	losses := []result.Number{0, 1, 0, 1, 1, 0, 1, 0, 0, 3, 0.2, 1, 1, 0, 1, unknown}
	for i, v := range losses {
		l.Points = append(l.Points, result.LandscapePoint{Kind: result.GridPoint, X: float64(i % 4), Y: float64(i / 4), Loss: v})
	}
	g := newLossGrid(l)
	for _, level := range []float64{0.1, 0.45, 0.55, 2} {
		ends, segments := map[[2]float64]int{}, g.segments(level)
		for _, s := range segments {
			ends[s[0]]++
			ends[s[1]]++
		}
		if len(segments) == 0 {
			t.Errorf("level %g has no line", level)
		}
		for end, n := range ends {
			isBorder := end[0] == 0 || end[0] == 3 || end[1] == 0 || end[1] == 3
			if n != 2 && !(isBorder && n == 1) {
				t.Errorf("level %g: %d segments end at %v", level, n, end)
			}
		}
	}
}

// In a saddle the mean decides: a level below it cuts off the low corners, one above it the high ones.
func TestContoursInASaddle(t *testing.T) {
	t.Parallel()
	l := &result.Landscape{Side: 2}
	for i, v := range []result.Number{0, 1, 1, 0} { // low at (0, 0) and (1, 1)
		l.Points = append(l.Points, result.LandscapePoint{Kind: result.GridPoint, X: float64(i % 2), Y: float64(i / 2), Loss: v})
	}
	for level, corner := range map[float64][2]float64{0.4: {0, 0}, 0.6: {1, 0}} {
		s := newLossGrid(l).segments(level)[0]
		if s[0][1] != corner[1] || s[1][0] != corner[0] {
			t.Errorf("level %g: the line from %v to %v does not cut off the corner %v", level, s[0], s[1], corner)
		}
	}
}
