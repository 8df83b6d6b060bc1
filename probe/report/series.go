package report

import (
	"cmp"
	"image/color"
	"math"
	"slices"

	"github.com/wiseft/wiseft/probe/bench/result"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// modelFigure returns a figure of a model, as a share, and its interval; nil = no interval.
type modelFigure func(m *result.Model) (result.Number, *[2]result.Number)

// series is a figure of all models, in percent, with its intervals.
type series struct {
	name   string
	color  color.NRGBA
	values []float64
	labels []string     // of the values, for titles of marks; nil = none
	ends   [][2]float64 // NaN where there is none
	dashed bool
}

func newSeries(r *result.Result, name string, c color.NRGBA, figure modelFigure) series {
	return newPath(r, name, c, figure, false)
}

// newRepairedSeries is newSeries for the path through the repaired mixes, whose ends are those of the other one.
func newRepairedSeries(r *result.Result, name string, c color.NRGBA, figure modelFigure) series {
	s := newPath(r, name+" repaired", c, figure, true)
	s.dashed = true
	return s
}

// newPath returns a series through the repaired mixes and the ends, or through the others; through all models if mixes
// differ in several parameters.
func newPath(r *result.Result, name string, c color.NRGBA, figure modelFigure, repaired bool) series {
	s := series{name: name, color: c}
	isPath := len(paramNames(r)) == 1
	for k, m := range r.Models {
		v, i := figure(m)
		beside := m.Repaired != repaired || m.Statistics != ""
		if isPath && beside && !(repaired && isEnd(r, k)) {
			v, i = unknown, nil
		}
		if i == nil {
			i = &[2]result.Number{unknown, unknown}
		}
		s.values = append(s.values, 100*float64(v))
		s.labels = append(s.labels, m.ID)
		s.ends = append(s.ends, [2]float64{100 * float64(i[0]), 100 * float64(i[1])})
	}
	return s
}

func (s series) isEmpty() bool {
	e := newExtent()
	e.include(s.values...)
	return e.low > e.high
}

// addSeries adds lines with bands, or points with bars, and marks the chosen model. It returns the range of all
// values.
func addSeries(p *plot.Plot, r *result.Result, axis *modelAxis, list []series) extent {
	y := newExtent()
	for i, m := range r.Models {
		if isChosen(r, m) {
			p.Add(&mark{x: axis.at[i]})
		}
	}
	for i, s := range list {
		if s.isEmpty() {
			continue
		}
		y.include(s.values...)
		for _, e := range s.ends {
			y.include(e[0], e[1])
		}
		if axis.continuous {
			p.Add(&line{s, axis.at})
			continue
		}
		p.Add(&bars{s, axis.at, 0.18 * (float64(i) - float64(len(list)-1)/2)})
	}
	return y
}

// mark is a vertical line at the chosen model.
type mark struct{ x float64 }

// Plot implements plot.Plotter.
func (m *mark) Plot(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	style := draw.LineStyle{Color: chosenColor, Width: vg.Points(1), Dashes: []vg.Length{4, 3}}
	c.StrokeLine2(style, x(m.x), c.Min.Y, x(m.x), c.Max.Y)
	if c.Max.X-c.Min.X < 2.6*vg.Inch {
		return // the dashed line suffices
	}
	text := textStyle(boldSans(9), chosenColor, draw.XLeft, draw.YTop)
	at := vg.Point{X: x(m.x) + 4, Y: c.Max.Y - 1}
	if at.X+text.Width("chosen") > c.Max.X {
		text.XAlign, at.X = draw.XRight, x(m.x)-4
	}
	c.FillText(text, at, "chosen")
}

// line is a series over an axis, with a band and its name at its end.
type line struct {
	series
	at []float64
}

// Plot implements plot.Plotter.
func (l *line) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	var middle, low, high []vg.Point
	for i, v := range l.values {
		if math.IsNaN(v) {
			continue
		}
		middle = append(middle, vg.Point{X: x(l.at[i]), Y: y(v)})
		l.addTip(&c, middle[len(middle)-1], i)
		if e := l.ends[i]; !math.IsNaN(e[0]) && !math.IsNaN(e[1]) {
			low = append(low, vg.Point{X: x(l.at[i]), Y: y(e[0])})
			high = append([]vg.Point{{X: x(l.at[i]), Y: y(e[1])}}, high...)
		}
	}
	if len(low) > 1 {
		c.FillPolygon(band(l.color), append(low, high...))
	}
	style := draw.LineStyle{Color: l.color, Width: vg.Points(1.6)}
	if l.dashed {
		style.Width, style.Dashes = vg.Points(1), []vg.Length{2, 2}
	}
	c.StrokeLines(style, middle)
	if len(middle) <= many && !l.dashed {
		for _, at := range middle {
			c.DrawGlyph(draw.GlyphStyle{Color: l.color, Radius: vg.Points(2), Shape: draw.CircleGlyph{}}, at)
		}
	}
}

// names draws the names of series at their right ends, without overlap.
type names struct {
	list []series
	axis *modelAxis
}

// Plot implements plot.Plotter.
func (n *names) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	type name struct {
		series
		at vg.Length
	}
	var list []name
	for _, s := range n.list {
		for i := len(s.values) - 1; i >= 0; i-- {
			if !math.IsNaN(s.values[i]) {
				list = append(list, name{s, y(s.values[i])})
				break
			}
		}
	}
	slices.SortStableFunc(list, func(a, b name) int { return cmp.Compare(b.at, a.at) })
	right := x(n.axis.at[len(n.axis.at)-1]) + 8
	if !n.axis.continuous {
		right = x(n.axis.at[len(n.axis.at)-1]+0.18) + 8
	}
	const lineHeight = vg.Length(12)
	for i := range list {
		if i > 0 {
			list[i].at = min(list[i].at, list[i-1].at-lineHeight)
		}
		style := textStyle(boldSans(9.5), list[i].color, draw.XLeft, draw.YCenter)
		c.FillText(style, vg.Point{X: right, Y: list[i].at}, list[i].name)
	}
}

// bars is a series of models at their index, with bars for intervals.
type bars struct {
	series
	at    []float64
	shift float64 // horizontal offset, so that series do not hide each other
}

// Plot implements plot.Plotter.
func (b *bars) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for i, v := range b.values {
		if math.IsNaN(v) {
			continue
		}
		at := vg.Point{X: x(b.at[i] + b.shift), Y: y(v)}
		if e := b.ends[i]; !math.IsNaN(e[0]) && !math.IsNaN(e[1]) {
			c.StrokeLine2(draw.LineStyle{Color: b.color, Width: vg.Points(1.4)}, at.X, y(e[0]), at.X, y(e[1]))
		}
		radius := vg.Points(3)
		if len(b.values) > many {
			radius = vg.Points(1.5)
		}
		c.DrawGlyph(draw.GlyphStyle{Color: b.color, Radius: radius, Shape: draw.CircleGlyph{}}, at)
		b.addTip(&c, at, i)
	}
}
