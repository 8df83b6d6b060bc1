package report

import (
	"fmt"

	"github.com/wiseft/wiseft/probe/bench/result"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

func init() {
	registerPlot(Plot{Name: "landscape", Doc: "loss of validation data on the plane of three models, and on the line of two",
		draw: drawLandscape})
}

func drawLandscape(r *result.Result) (*figure, error) {
	l := r.Landscape
	if l == nil {
		return nil, &EmptyPlotError{"landscape", "no plane was measured; sweep --landscape does"}
	}
	f := &figure{title: "Loss landscape", columns: 2, desc: landscapeText(r),
		subtitle: "contours of the loss of validation data; ○ pre-trained and fine-tuned, ● the third model, the line is merging"}
	f.panels = append(f.panels, panel{"the plane of the three models", planePlot(r)},
		panel{"the line between pre-trained and fine-tuned", linePlot(r)})
	f.arrange(figureWidth, figureHeight)
	return f, nil
}

// landscapeText describes a landscape in a sentence.
func landscapeText(r *result.Result) string {
	l := r.Landscape
	head := "the own head"
	if l.Head == "probe" {
		head = fmt.Sprintf("a probe fitted on %d training samples at every point", l.Train)
	}
	text := fmt.Sprintf("mean negative log-likelihood of %d validation samples of %s by %s, on the plane through the pre-trained model, "+
		"the fine-tuned one and %s", l.N, printable(l.Data), head, printable(l.Third))
	text += "; " + lossBarrierText(l)
	if n := unknownLosses(l); n > 0 {
		text += fmt.Sprintf("; points without a finite loss, drawn as the highest one: %d", n)
	}
	return text
}

// lossBarrierText describes the barrier of a landscape; "" without one.
func lossBarrierText(l *result.Landscape) string {
	const straight = "the straight line between the losses of the ends"
	switch {
	case l == nil:
		return ""
	case l.Barrier == nil:
		return "barrier of the validation loss: none in figures, since an end has no loss"
	case l.Barrier.Loss == 0:
		return "barrier of the validation loss: 0, between the ends it does not rise above " + straight
	}
	return fmt.Sprintf("barrier of the validation loss: %.3g, at alpha %g it is so far above %s", float64(l.Barrier.Loss), l.Barrier.Alpha, straight)
}

func unknownLosses(l *result.Landscape) (n int) {
	for _, p := range l.Points {
		if !p.Loss.Known() {
			n++
		}
	}
	return n
}

func planePlot(r *result.Result) *plot.Plot {
	l := r.Landscape
	p := newPlot("distance in weights along pre-trained → fine-tuned", "distance in weights across")
	g := newLossGrid(l)
	p.X.Min, p.X.Max = g.x(0), g.x(g.side-1)
	p.Y.Min, p.Y.Max = g.y(0), g.y(g.side-1)
	if levels := g.levels(); levels != nil {
		p.Add(&contours{g, levels})
	}
	p.Add(&planeMarks{l, chosenModel(r)})
	return p
}

// planeMarks draws the points of a plane: the grid as small dots, the path as a line, the three models, and the chosen mix
// if it is on the path.
type planeMarks struct {
	landscape *result.Landscape
	chosen    *result.Model
}

// Plot implements plot.Plotter.
func (m *planeMarks) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	at := func(q result.LandscapePoint) vg.Point { return vg.Point{X: x(q.X), Y: y(q.Y)} }
	for _, q := range m.landscape.Of(result.GridPoint) {
		c.DrawGlyph(draw.GlyphStyle{Color: mutedColor, Radius: vg.Points(0.7), Shape: draw.CircleGlyph{}}, at(q))
		addTip(&c, at(q), lossTip("", q))
	}
	var path []vg.Point
	for _, q := range m.landscape.Of(result.PathPoint) {
		path = append(path, at(q))
	}
	c.StrokeLines(draw.LineStyle{Color: robustColor, Width: vg.Points(1.8)}, path)
	for _, q := range m.landscape.Of(result.PathPoint) {
		name, glyph := fmt.Sprintf("alpha %g", *q.Alpha), draw.GlyphStyle{Color: robustColor, Radius: vg.Points(2), Shape: draw.CircleGlyph{}}
		if *q.Alpha == 0 || *q.Alpha == 1 {
			c.DrawGlyph(draw.GlyphStyle{Color: paperColor, Radius: vg.Points(5), Shape: draw.CircleGlyph{}}, at(q))
			glyph = draw.GlyphStyle{Color: robustColor, Radius: vg.Points(4.5), Shape: draw.RingGlyph{}}
			if name = "pre-trained"; *q.Alpha == 1 {
				name = "fine-tuned"
			}
			m.name(&c, at(q), name)
		}
		c.DrawGlyph(glyph, at(q))
		addTip(&c, at(q), lossTip(name, q))
	}
	for _, q := range m.landscape.Of(result.ThirdPoint) {
		c.DrawGlyph(draw.GlyphStyle{Color: chosenColor, Radius: vg.Points(4.5), Shape: draw.CircleGlyph{}}, at(q))
		m.name(&c, at(q), shorten(m.landscape.Third))
		addTip(&c, at(q), lossTip(m.landscape.Third, q))
	}
	m.markChosen(&c, path)
}

// name writes the name of a model below its mark.
func (m *planeMarks) name(c *draw.Canvas, at vg.Point, text string) {
	style := textStyle(boldSans(9), inkColor, draw.XCenter, draw.YCenter)
	at.Y -= 13
	half := style.Width(text)/2 + 1
	at.X = min(max(at.X, c.Min.X+half), c.Max.X-half)
	c.FillPolygon(veilColor, corners(around(at, half, 6)))
	c.FillText(style, at, text)
}

// markChosen marks the chosen mix on the path between its ends.
func (m *planeMarks) markChosen(c *draw.Canvas, path []vg.Point) {
	if m.chosen == nil || !m.chosen.OnPath() || *m.chosen.Alpha <= 0 || *m.chosen.Alpha >= 1 || len(path) < 2 {
		return
	}
	first, last := path[0], path[len(path)-1]
	at := vg.Point{X: first.X + vg.Length(*m.chosen.Alpha)*(last.X-first.X), Y: first.Y}
	c.DrawGlyph(draw.GlyphStyle{Color: chosenColor, Radius: vg.Points(3.5), Shape: draw.CircleGlyph{}}, at)
	at.Y += 12
	c.FillText(textStyle(boldSans(9), chosenColor, draw.XCenter, draw.YCenter), at, "chosen")
}

// lossTip describes a point: "alpha 0.4: loss 0.512, accuracy 81.0 %".
func lossTip(name string, q result.LandscapePoint) string {
	text := fmt.Sprintf("loss %.4g, accuracy %s %%", float64(q.Loss), percent(q.Accuracy))
	if !q.Loss.Known() {
		text = "no finite loss"
	}
	if name == "" {
		return fmt.Sprintf("(%.4g, %.4g): %s", q.X, q.Y, text)
	}
	return printable(name) + ": " + text
}

// landscapeSection shows the landscape in the page.
func landscapeSection(r *result.Result) (section, error) {
	if r.Landscape == nil {
		return section{}, nil
	}
	f, err := drawLandscape(r)
	if err != nil {
		return section{}, err
	}
	s := section{ID: "section-landscape", Title: "Loss landscape", Lead: fmt.Sprintf("%s. In the plane: %s.",
		sentence(f.desc), f.subtitle)}
	s.Figures, err = f.apart("landscape", figureWidth, figureHeight)
	s.add(landscapeSheet(r))
	return s, err
}

// landscapeSheet lists the points of the path and the third model.
func landscapeSheet(r *result.Result) sheet {
	s := sheet{ID: "landscape", Title: "Losses", Head: []string{"model", "loss", "accuracy, %"},
		Caption: "By the samples of the landscape; the JSON file has all points; axes by Gram-Schmidt, as in Garipov et al., NeurIPS 2018"}
	for _, q := range append(r.Landscape.Of(result.PathPoint), r.Landscape.Of(result.ThirdPoint)...) {
		name := r.Landscape.Third
		if q.Alpha != nil {
			name = fmt.Sprintf("alpha=%g", *q.Alpha)
		}
		loss := "-"
		if q.Loss.Known() {
			loss = fmt.Sprintf("%.4g", float64(q.Loss))
		}
		s.Rows = append(s.Rows, row{Cells: []string{name, loss, percent(q.Accuracy)}})
	}
	return s
}
