package report

import (
	"fmt"
	"math"

	"github.com/wiseft/wiseft/probe/bench/result"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// linePlot draws the loss over alpha, the straight line between the ends, and the barrier.
func linePlot(r *result.Result) *plot.Plot {
	p := newPlot("alpha, the share of the fine-tuned model", "loss")
	p.Y.Tick.Marker = plot.TickerFunc(fewTicks)
	e := newExtent()
	for _, q := range r.Landscape.Of(result.PathPoint) {
		e.include(float64(q.Loss))
	}
	if e.low > e.high {
		e = extent{0, 1}
	}
	p.X.Min, p.X.Max = -0.02, 1.02
	p.Y.Min, p.Y.Max = e.widened(0.1, 0.15, 0.01)
	p.Add(&lossLine{r.Landscape})
	return p
}

type lossLine struct{ landscape *result.Landscape }

// Plot implements plot.Plotter.
func (m *lossLine) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	var line []vg.Point
	var tips []string
	ends := [2]float64{math.NaN(), math.NaN()}
	for _, q := range m.landscape.Of(result.PathPoint) {
		if !q.Loss.Known() {
			continue
		}
		if *q.Alpha == 0 || *q.Alpha == 1 {
			ends[int(*q.Alpha)] = float64(q.Loss)
		}
		line = append(line, vg.Point{X: x(*q.Alpha), Y: y(float64(q.Loss))})
		tips = append(tips, lossTip(fmt.Sprintf("alpha %g", *q.Alpha), q))
	}
	if b := m.landscape.Barrier; b != nil {
		straight := func(alpha float64) vg.Point {
			return vg.Point{X: x(alpha), Y: y((1-alpha)*ends[0] + alpha*ends[1])}
		}
		c.StrokeLines(draw.LineStyle{Color: mutedColor, Width: vg.Points(1.2), Dashes: []vg.Length{5, 3}},
			[]vg.Point{straight(0), straight(1)})
		if b.Loss > 0 {
			m.barrier(&c, straight(b.Alpha), y((1-b.Alpha)*ends[0]+b.Alpha*ends[1]+float64(b.Loss)))
		}
	}
	c.StrokeLines(draw.LineStyle{Color: robustColor, Width: vg.Points(1.8)}, line)
	for i, at := range line {
		c.DrawGlyph(draw.GlyphStyle{Color: robustColor, Radius: vg.Points(2.2), Shape: draw.CircleGlyph{}}, at)
		addTip(&c, at, tips[i])
	}
}

// barrier draws the barrier from the straight line up to the loss.
func (m *lossLine) barrier(c *draw.Canvas, low vg.Point, top vg.Length) {
	c.StrokeLine2(draw.LineStyle{Color: chosenColor, Width: vg.Points(2.2)}, low.X, low.Y, low.X, top)
	style := textStyle(boldSans(9), chosenColor, draw.XLeft, draw.YCenter)
	text := fmt.Sprintf("barrier %.3g", float64(m.landscape.Barrier.Loss))
	at := vg.Point{X: low.X + 5, Y: (low.Y + top) / 2}
	if at.X+style.Width(text) > c.Max.X {
		style.XAlign, at.X = draw.XRight, low.X-5
	}
	c.FillText(style, at, text)
}
