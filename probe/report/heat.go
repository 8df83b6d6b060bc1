package report

import (
	"fmt"
	"image/color"
	"math"

	"github.com/wiseft/wiseft/probe/bench/result"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/palette/brewer"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

func init() {
	registerPlot(Plot{Name: "heatmap", Doc: "accuracy of every model under every corruption", draw: drawHeatmap})
	registerPlot(Plot{
		Name: "severity", Doc: "accuracy by corruption and severity, of the chosen model and the ends", draw: drawSeverity,
	})
}

// heat is a table whose cells are darker for higher figures. Unknown cells are empty.
type heat struct {
	ID      string // element ID in the page
	Title   string
	Columns []string
	Rows    []heatRow
	Scale   extent // in percent
	Signed  bool   // the figures are differences, and the scale goes from orange (below 0) to blue
}

type heatRow struct {
	Name   string
	Role   string
	Values []result.Number // shares
}

// cleanColumn is the column before the corruptions.
const cleanColumn = "clean"

// newHeat returns the accuracy under every corruption of the models that tables show.
func newHeat(r *result.Result) *heat {
	h := &heat{ID: "heatmap", Title: "Accuracy by model and corruption, %"}
	h.Columns = append([]string{cleanColumn}, r.Order...)
	models, _ := shown(r)
	for _, m := range models {
		line := heatRow{Name: m.ID, Role: role(r, m), Values: []result.Number{m.Clean.OA}}
		for _, name := range r.Order {
			v, _ := corruptionFigure(name)(m)
			line.Values = append(line.Values, v)
		}
		h.Rows = append(h.Rows, line)
	}
	h.Scale = heatScale(h)
	return h
}

// maxSeverityModels is the number of models with severities if none is chosen.
const maxSeverityModels = 3

// severityHeats returns the accuracy by corruption and severity of the chosen model and the ends, or else of the
// first models, with a common scale.
func severityHeats(r *result.Result) []*heat {
	var list []*heat
	for i, m := range severityModels(r) {
		h := &heat{ID: fmt.Sprintf("severity-%d", i+1), Title: m.ID, Columns: []string{"1", "2", "3", "4", "5"}}
		if role := role(r, m); role != "" {
			h.Title += " (" + role + ")"
		}
		for _, name := range r.Order {
			if c := m.Corruptions[name]; c != nil {
				h.Rows = append(h.Rows, heatRow{Name: name, Values: c.OABySeverity[:]})
			}
		}
		list = append(list, h)
	}
	scale := heatScale(list...)
	for _, h := range list {
		h.Scale = scale
	}
	return list
}

// severityModels returns the chosen model and the ends, or else the first models.
func severityModels(r *result.Result) []*result.Model {
	models := ends(r)
	if m := chosenModel(r); m != nil && !isChosen(r, first(models)) && !isChosen(r, last(models)) {
		models = append([]*result.Model{m}, models...)
	}
	if len(models) == 0 {
		models = r.Models[:min(len(r.Models), maxSeverityModels)]
	}
	return models
}

func first(models []*result.Model) *result.Model {
	if len(models) == 0 {
		return &result.Model{}
	}
	return models[0]
}

func last(models []*result.Model) *result.Model {
	if len(models) == 0 {
		return &result.Model{}
	}
	return models[len(models)-1]
}

// heatScale returns the range of the figures of all tables.
func heatScale(list ...*heat) extent {
	e := newExtent()
	for _, h := range list {
		for _, line := range h.Rows {
			for _, v := range line.Values {
				e.include(100 * float64(v))
			}
		}
	}
	return e
}

// shades is the number of colours of the scale: the six lightest of ColorBrewer's YlGnBu and interpolated ones, from
// light (low) to dark (high). They are distinct for colour-blind readers and have contrast to dark text.
const shades = 31

// darkest is how far towards the last colour the scale goes, so that dark text has a contrast of at least 4.5 everywhere.
const darkest = 0.95

// shadeColors are the colours of the scale.
var shadeColors = func() []color.NRGBA {
	base, err := brewer.GetPalette(brewer.TypeSequential, "YlGnBu", 9)
	if err != nil {
		panic("report: no palette YlGnBu")
	}
	anchors := base.Colors()[:6]
	out := make([]color.NRGBA, shades)
	for i := range out {
		at := darkest * float64(i) / (shades - 1) * float64(len(anchors)-1)
		k := min(int(at), len(anchors)-2)
		out[i] = blend(anchors[k], anchors[k+1], at-float64(k))
	}
	return out
}()

func blend(a, b color.Color, t float64) color.NRGBA {
	ar, ag, ab, _ := a.RGBA()
	br, bg, bb, _ := b.RGBA()
	mix := func(x, y uint32) uint8 { return uint8(math.Round(((1-t)*float64(x) + t*float64(y)) / 257)) }
	return color.NRGBA{R: mix(ar, br), G: mix(ag, bg), B: mix(ab, bb), A: 0xff}
}

// shade returns the index of a figure's colour; ok is false for an unknown one.
func (h *heat) shade(v result.Number) (i int, ok bool) {
	if !v.Known() {
		return 0, false
	}
	d := h.Scale.high - h.Scale.low
	if d <= 0 {
		return shades / 2, true
	}
	return int(math.Round((100*float64(v) - h.Scale.low) / d * (shades - 1))), true
}

func drawHeatmap(r *result.Result) (*figure, error) {
	if len(r.Order) == 0 {
		return nil, &EmptyPlotError{"heatmap", "there are no corruptions"}
	}
	h := newHeat(r)
	f := &figure{title: h.Title, subtitle: "means over severities; darker is better", panels: []panel{{plot: h.plot()}}}
	if _, note := shown(r); note != "" {
		f.subtitle = note
	}
	f.width = vg.Length(len(h.Columns))*heatCell + 2.2*vg.Inch
	f.height = vg.Length(len(h.Rows))*heatLine + 0.9*vg.Inch
	f.desc = fmt.Sprintf("Accuracy of %d models on clean data and under %d corruptions, from %.1f %% to %.1f %%.",
		len(h.Rows), len(r.Order), h.Scale.low, h.Scale.high)
	return f, nil
}

func drawSeverity(r *result.Result) (*figure, error) {
	if len(r.Order) == 0 {
		return nil, &EmptyPlotError{"severity", "there are no corruptions"}
	}
	list := severityHeats(r)
	f := &figure{title: "Accuracy by corruption and severity, %", columns: len(list)}
	f.subtitle = "severity from left to right; darker is better"
	for _, h := range list {
		f.panels = append(f.panels, panel{shorten(h.Title), h.plot()})
	}
	f.width = vg.Length(len(list)) * (5*0.55*heatCell + 1.6*vg.Inch)
	f.height = vg.Length(len(list[0].Rows))*heatLine + 1.1*vg.Inch
	f.desc = fmt.Sprintf("Accuracy of %d models by corruption and severity, from %.1f %% to %.1f %%.",
		len(list), list[0].Scale.low, list[0].Scale.high)
	return f, nil
}

// The size of a cell of a drawn heat map.
const (
	heatCell = 0.86 * vg.Inch
	heatLine = 0.25 * vg.Inch
)

// plot draws the table as a plot.
func (h *heat) plot() *plot.Plot {
	p := newPlot("", "")
	n := len(h.Rows)
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = -0.5, float64(len(h.Columns))-0.5, -0.5, float64(n)-0.5
	var x, y plot.ConstantTicks
	for j, name := range h.Columns {
		x = append(x, plot.Tick{Value: float64(j), Label: name})
	}
	for i, line := range h.Rows {
		name := shorten(line.Name)
		if line.Role != "" {
			name += " (" + line.Role + ")"
		}
		y = append(y, plot.Tick{Value: float64(n - 1 - i), Label: name})
	}
	p.X.Tick.Marker, p.Y.Tick.Marker = x, y
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.LineStyle.Width, axis.Tick.LineStyle.Width = 0, 0
		axis.Tick.Label.Font = sans(9)
	}
	p.Add(h)
	return p
}

// Plot implements plot.Plotter.
func (h *heat) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for i, line := range h.Rows {
		for j, v := range line.Values {
			k, ok := h.shade(v)
			if !ok {
				continue
			}
			at := vg.Point{X: x(float64(j)), Y: y(float64(len(h.Rows) - 1 - i))}
			cell := around(at, (x(1)-x(0))/2-0.7, (y(1)-y(0))/2-0.7)
			c.FillPolygon(shadeColors[k], corners(cell))
			c.FillText(textStyle(sans(9), inkColor, draw.XCenter, draw.YCenter), at, percent(v))
			addTip(&c, at, fmt.Sprintf("%s, %s: %s %%", line.Name, h.Columns[j], percent(v)))
		}
	}
}
