package report

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Every mark of the curve has a title where it is drawn.
func TestMarksHaveTitles(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"curve":       "alpha=0.8, chosen: 79.9 % clean, 61.0 % mOA",
		"effective":   "alpha=0.8, chosen: 79.9 % clean, 61.0 % mOA",
		"alpha":       "mOA, alpha=0.8: 61.0 % (59.5–62.5)",
		"corruptions": "alpha=0.8: 55.0 % (53.0–57.0)",
		"heatmap":     "alpha=0.8, jitter: 57.0 %",
		"decline":     "severity 3: 55.0 % (45.2–64.4)",
		"weights":     "&lt;i&gt;conv2: distance, % 20; merge, 270 elements",
	} {
		svg := string(drawPlot(t, name, "svg", full()))
		if !strings.Contains(svg, "<title>"+want+"</title>") {
			t.Errorf("%s: no mark is called %q; there are %q", name, want,
				regexp.MustCompile("<title>[^<]*</title>").FindAllString(svg, 9))
		}
	}
}

// The titles are on the marks: the circle of the chosen model's title is around its glyph.
func TestTitlesAreOnTheirMarks(t *testing.T) {
	t.Parallel()
	svg := string(drawPlot(t, "curve", "svg", full()))
	at := regexp.MustCompile(`<circle cx="([0-9.]+)" cy="([0-9.]+)" r="7"[^>]*><title>[^<]*chosen`).FindStringSubmatch(svg)
	// The glyph is the only filled one of that colour; its path begins at the right of the centre, in coordinates from below.
	glyph := regexp.MustCompile(`<path d="M([0-9.]+),([0-9.]+)A[^"]*" style="fill:#D55E00`).FindStringSubmatch(svg)
	height := regexp.MustCompile(`viewBox="0 0 [0-9.]+ ([0-9.]+)"`).FindStringSubmatch(svg)
	if at == nil || glyph == nil || height == nil {
		t.Fatalf("no title, glyph or size: %v %v %v", at, glyph, height)
	}
	dx, dy := parsed(t, glyph[1])-parsed(t, at[1]), parsed(t, height[1])-parsed(t, glyph[2])-parsed(t, at[2])
	if dx < 0 || dx > 7 || dy < -1 || dy > 1 {
		t.Errorf("the title is %g to the left of its glyph and %g above it", dx, dy)
	}
}

func parsed(t *testing.T, text string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
