package report

import (
	"fmt"
	"math"

	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/metric"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

func init() {
	registerPlot(Plot{
		Name: "effective", Doc: "robustness against clean accuracy on logit axes, with the baseline's line",
		draw: drawEffective,
	})
}

// drawEffective draws the models as in the papers on effective robustness (Taori et al. 2020; Wortsman et al. 2022,
// figure 1): logit axes, and the baseline.
func drawEffective(r *result.Result) (*figure, error) {
	if r.Baseline == nil {
		return nil, &EmptyPlotError{"effective", "there is no baseline; name its models with --baseline"}
	}
	points := modelPoints(r)
	if len(points) == 0 {
		return nil, &EmptyPlotError{"effective", "no model has figures of a whole suite"}
	}
	samples := r.Models[0].Clean.N
	p := newPlot("accuracy on clean test data, % (logit)", robustLabel(r)+" (logit)")
	x, y := newExtent(), newExtent()
	for i := range points {
		q := &points[i]
		q.x, q.y = metric.Logit(q.x/100, samples), metric.Logit(q.y/100, samples)
		x.include(q.x)
		y.include(q.y)
	}
	p.X.Min, p.X.Max = x.widened(0.2, 0.25, 0.1)
	p.Y.Min, p.Y.Max = y.widened(0.14, 0.14, 0.1)
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.TickerFunc(logitTicks), plot.TickerFunc(logitTicks)
	line := &expected{float64(r.Baseline.Slope), float64(r.Baseline.Intercept)}
	p.Add(line, &path{points, len(paramNames(r)) == 1})
	f := oneplot(p, "Effective robustness",
		"dashed: the baseline's line; above it, more robust than predicted from the clean accuracy")
	f.desc = fmt.Sprintf("mOA against clean accuracy of %d models on logit axes, "+
		"with the line logit(mOA) = %.3f logit(clean) %s.", len(points), line.slope, signedTerm(line.intercept))
	return f, nil
}

// logitTicks labels round percentages.
func logitTicks(lo, hi float64) []plot.Tick {
	percentOf := func(v float64) float64 { return 100 / (1 + math.Exp(-v)) }
	var ticks []plot.Tick
	for _, t := range roundTicks(percentOf(lo), percentOf(hi)) {
		if share := t.Value / 100; share > 0 && share < 1 {
			t.Value = math.Log(share / (1 - share))
			ticks = append(ticks, t)
		}
	}
	return ticks
}

// expected is the line of the baseline.
type expected struct{ slope, intercept float64 }

// Plot implements plot.Plotter.
func (e *expected) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	at := func(v float64) vg.Point { return vg.Point{X: x(v), Y: y(e.slope*v + e.intercept)} }
	style := draw.LineStyle{Color: mutedColor, Width: vg.Points(1.2), Dashes: []vg.Length{5, 3}}
	c.StrokeLines(style, c.ClipLinesXY([]vg.Point{at(p.X.Min), at(p.X.Max)})...)
}
