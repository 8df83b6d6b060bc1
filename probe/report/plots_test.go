package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/probe/bench/result"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/recorder"
)

func drawPlot(t *testing.T, name, format string, r *result.Result) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := WritePlot(&out, name, format, r); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Every plot is drawn for every result that has data for it, and for no other.
func TestPlotsOfEveryResult(t *testing.T) {
	t.Parallel()
	missing := map[string][]string{
		"single":        {"corruptions", "curve", "decline", "effective", "heatmap", "landscape", "severity", "weights"},
		"partial_suite": {"curve", "effective", "landscape", "tradeoff", "weights"},
		"bench":         {"effective", "landscape", "weights"},
		"grid":          {"effective"},
	}
	for name, r := range results() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var empty []string
			for _, p := range PlotNames() {
				var out bytes.Buffer
				err := WritePlot(&out, p, "svg", r)
				if e, ok := errors.AsType[*EmptyPlotError](err); ok && e.Plot == p && out.Len() == 0 {
					empty = append(empty, p)
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				for _, want := range []string{"<title>", "<desc>", `role="img"`} {
					if !strings.Contains(out.String(), want) {
						t.Errorf("%s has no %s", p, want)
					}
				}
				if strings.Contains(out.String(), "NaN") || strings.Contains(out.String(), "<script") {
					t.Errorf("%s has NaN, or a name that is not escaped", p)
				}
			}
			if !slices.Equal(empty, missing[name]) {
				t.Errorf("without a picture: got %v, want %v", empty, missing[name])
			}
		})
	}
}

// Pictures are valid XML, whatever the files' names.
func TestPlotsAreXML(t *testing.T) {
	t.Parallel()
	r := benchmark()
	for i, name := range []string{"模型😀.onnx", strings.Repeat("a & b ", 60) + "\x00\n\u001b", "\xff\xfe<\"'>.onnx"} {
		r.Models[i].ID = name
		r.Pareto = append(r.Pareto, name)
	}
	compareAll(r)
	for _, name := range []string{"alpha", "corruptions", "curve", "heatmap", "severity"} {
		for d := xml.NewDecoder(bytes.NewReader(drawPlot(t, name, "svg", r))); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Errorf("%s: %v", name, err)
				break
			}
		}
	}
}

func TestPlotsArePixelsToo(t *testing.T) {
	t.Parallel()
	for _, name := range PlotNames() {
		img, err := png.Decode(bytes.NewReader(drawPlot(t, name, "png", full())))
		if err != nil || img.Bounds().Dx() < 300 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPlotsThatThereAreNot(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, format, want string }{
		{"pie", "svg", `there is no plot "pie"; there are: ` + strings.Join(PlotNames(), ", ")},
		{"curve", "gif", `a plot is svg or png, not "gif"`},
	} {
		if err := WritePlot(&bytes.Buffer{}, test.name, test.format, full()); err == nil || err.Error() != test.want {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
}

// Lines and bands have the values of the result.
func TestSeriesAreTheResults(t *testing.T) {
	t.Parallel()
	r := full()
	for name, test := range map[string]struct {
		figure func(*result.Model) (result.Number, *[2]result.Number)
		want   func(*result.Model) [3]result.Number // value, low, high
	}{
		"clean": {cleanFigure, func(m *result.Model) [3]result.Number {
			return [3]result.Number{m.Clean.OA, m.Intervals.Clean[0], m.Intervals.Clean[1]}
		}},
		"mOA": {robustFigure, func(m *result.Model) [3]result.Number {
			return [3]result.Number{m.Exact.MOA, m.Intervals.MOA[0], m.Intervals.MOA[1]}
		}},
		"jitter": {corruptionFigure("jitter"), func(m *result.Model) [3]result.Number {
			i := m.Intervals.Corruptions["jitter"]
			return [3]result.Number{m.Corruptions["jitter"].OA, i[0], i[1]}
		}},
	} {
		s := newSeries(r, name, cleanColor, test.figure)
		for i, m := range r.Models {
			got := [3]float64{s.values[i], s.ends[i][0], s.ends[i][1]}
			for k, want := range test.want(m) {
				if math.Abs(got[k]-100*float64(want)) > 1e-9 { // a mean of five severities is rounded
					t.Errorf("%s of %s: got %v, want %v", name, m.ID, got, test.want(m))
					break
				}
			}
		}
	}
}

// Models of the Pareto set are dark, others pale, and the chosen one has its own colour.
func TestCurveMarksModels(t *testing.T) {
	t.Parallel()
	svg := string(drawPlot(t, "curve", "svg", full()))
	pale := fmt.Sprintf(`style="fill:%s;fill-opacity:`, svgColor(band(cleanColor)))
	for style, want := range map[string]int{ // of 11 models 5 are in the set, one of which is chosen
		fmt.Sprintf(`style="fill:%s"`, svgColor(cleanColor)):  4,
		fmt.Sprintf(`style="fill:%s"`, svgColor(chosenColor)): 1,
		pale: 6,
	} {
		if got := strings.Count(svg, style); got != want {
			t.Errorf("%s: got %d, want %d", style, got, want)
		}
	}
	for _, want := range []string{"0.8  chosen", "0  pretrained", "1  finetuned", ">0.5<"} {
		if !strings.Contains(svg, want) {
			t.Errorf("no label %q", want)
		}
	}
}

// The line of the baseline satisfies its equation.
func TestBaselineLine(t *testing.T) {
	t.Parallel()
	p := plot.New()
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 2, 0, 4
	var rec recorder.Canvas
	c := draw.NewCanvas(&rec, 200, 400)
	(&expected{slope: 1.5, intercept: 0.5}).Plot(c, p) // from 0.5 of 4 up to 3.5 of 4
	for _, a := range rec.Actions {
		if s, ok := a.(*recorder.Stroke); ok {
			from, to := s.Path[0].Pos, s.Path[1].Pos
			if want := (vg.Point{X: 0, Y: 50}); math.Hypot(float64(from.X-want.X), float64(from.Y-want.Y)) > 1e-9 {
				t.Errorf("from: got %v, want %v", from, want)
			}
			if want := (vg.Point{X: 200, Y: 350}); math.Hypot(float64(to.X-want.X), float64(to.Y-want.Y)) > 1e-9 {
				t.Errorf("to: got %v, want %v", to, want)
			}
			return
		}
	}
	t.Error("there is no line")
}

func TestTicks(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		low, high float64
		want      string
	}{
		{0, 1, "0 0.2 0.4 0.6 0.8 1"},
		{-0.02, 1.02, "0 0.2 0.4 0.6 0.8 1"},
		{88.3, 91.4, "88.5 89 89.5 90 90.5 91"},
		{5, 5, "5"},
		{-1e300, 1e300, "-1e+300 -5e+299 0 5e+299 1e+300"},
	} {
		var got []string
		for _, tick := range roundTicks(test.low, test.high) {
			got = append(got, tick.Label)
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("from %g to %g: got %s, want %s", test.low, test.high, strings.Join(got, " "), test.want)
		}
	}
	// Steps below the precision of the ends must not cause an endless loop.
	if n := len(roundTicks(1e300, math.Nextafter(1e300, math.Inf(1)))); n > 9 {
		t.Errorf("%d ticks", n)
	}
}

func TestLogitTicks(t *testing.T) {
	t.Parallel()
	for _, tick := range logitTicks(0, 3) {
		var percent float64
		if _, err := fmt.Sscan(tick.Label, &percent); err != nil {
			t.Fatal(err)
		}
		if want := math.Log(percent / (100 - percent)); math.Abs(tick.Value-want) > 1e-12 {
			t.Errorf("%s: got %v, want %v", tick.Label, tick.Value, want)
		}
	}
	if n := len(logitTicks(0, 3)); n < 4 {
		t.Errorf("%d ticks", n)
	}
}

// Labels overlap neither each other nor points; without room there is no label.
func TestLabelsKeepApart(t *testing.T) {
	t.Parallel()
	var rec recorder.Canvas
	c := draw.NewCanvas(&rec, 300, 300)
	at := []vg.Point{{X: 150, Y: 150}, {X: 152, Y: 155}, {X: 150, Y: 161}, {X: 140, Y: 150}}
	var taken []vg.Rectangle
	for _, p := range at {
		taken = append(taken, around(p, 3, 3))
	}
	placed := 0
	for i := range at {
		box, ok := labelBox(&c, at, taken, i, 3, 24)
		if !ok {
			continue
		}
		placed++
		for _, other := range taken {
			if box.Min.X < other.Max.X && other.Min.X < box.Max.X && box.Min.Y < other.Max.Y && other.Min.Y < box.Max.Y {
				t.Errorf("label %d at %v lies on %v", i, box, other)
			}
		}
		taken = append(taken, box)
	}
	if placed < 3 {
		t.Errorf("%d labels were placed", placed)
	}
	full := []vg.Rectangle{{Min: vg.Point{}, Max: vg.Point{X: 300, Y: 300}}}
	if _, ok := labelBox(&c, at, full, 0, 3, 24); ok {
		t.Error("a label was placed where there is no room")
	}
}

// The scale ranges from the lowest figure to the highest, and unknown figures have no shade.
func TestShades(t *testing.T) {
	t.Parallel()
	h := newHeat(full())
	lowest, highest := h.shadeOf(t, h.Scale.low), h.shadeOf(t, h.Scale.high)
	if lowest != 0 || highest != shades-1 {
		t.Errorf("got %d to %d, want 0 to %d", lowest, highest, shades-1)
	}
	if _, ok := h.shade(unknown); ok {
		t.Error("there is a shade for nothing")
	}
	luminance := func(i int) int { c := shadeColors[i]; return int(c.R) + int(c.G) + int(c.B) }
	for i := 1; i < shades; i++ {
		if luminance(i) > luminance(i-1)+3 {
			t.Errorf("shade %d is lighter than the one before", i)
		}
	}
}

func (h *heat) shadeOf(t *testing.T, percent float64) int {
	t.Helper()
	i, ok := h.shade(result.Number(percent / 100))
	if !ok {
		t.Fatalf("no shade of %v", percent)
	}
	return i
}
