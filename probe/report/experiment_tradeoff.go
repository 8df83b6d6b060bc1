package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/internal/text"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/metric"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// WriteExperimentTradeoff draws the joined trade-off of an experiment as SVG: target accuracy against the backbone's
// quality for other data, a thin line for each sweep, and the mean over sweeps at each alpha with its standard deviation
// in both directions. A panel is a transfer set of a group, by the set's first task. Without transfer data the error is
// an [EmptyPlotError], and nothing is written.
func WriteExperimentTradeoff(w io.Writer, e *result.Experiment) error {
	f, err := drawJoinedTradeoff(e)
	if err != nil {
		return err
	}
	svg, err := f.svg()
	if err != nil {
		return err
	}
	_, err = w.Write(svg)
	return err
}

func drawJoinedTradeoff(e *result.Experiment) (*figure, error) {
	f := &figure{title: "Target accuracy and quality of the backbone", columns: 2,
		subtitle: "thin: one sweep each; points: means over sweeps, with standard deviations; solid: Pareto set; dashed: beside the path"}
	for _, group := range e.Groups() {
		for _, name := range transferFigures(e, group) {
			j := newJoinedPath(e, group, name)
			if len(j.points) == 0 {
				continue
			}
			set, task, _ := cutLast(name, ": ")
			p, x, y := j.plot(task + " on transfer data, %")
			f.panels = append(f.panels, panel{printable(strings.Join(nonEmpty(group, set), ": ")), p})
			f.desc += fmt.Sprintf("%s: %s over %s from %.1f %% to %.1f %% at target accuracies from %.1f %% to %.1f %%. ",
				printable(set), task, text.Count(len(j.lines), "sweep"), y.low, y.high, x.low, x.high)
		}
	}
	if len(f.panels) == 0 {
		return nil, &EmptyPlotError{"tradeoff", "no transfer data was measured"}
	}
	f.arrange(figureWidth, figureHeight)
	return f, nil
}

func nonEmpty(list ...string) []string {
	return slices.DeleteFunc(list, func(s string) bool { return s == "" })
}

// transferFigures returns the name of the first figure of every transfer set of a group: "modelnet10: SVM recon".
func transferFigures(e *result.Experiment, group string) (names []string) {
	seen := map[string]bool{}
	for _, m := range e.Models {
		if m.Group != group {
			continue
		}
		for _, f := range m.Figures {
			if set, _, ok := cutLast(f.Name, ": "); ok && !seen[set] {
				seen[set] = true
				names = append(names, f.Name)
			}
		}
	}
	return names
}

// joinedPath is the path of a group's mixes in a plot of clean accuracy and another figure, in percent.
type joinedPath struct {
	points []point
	spread [][2]float64    // of the points: standard deviations; NaN of one sweep
	lines  map[int][]point // the mixes on the path of each sweep that has the figure, by its index
}

func newJoinedPath(e *result.Experiment, group, name string) *joinedPath {
	j := &joinedPath{lines: map[int][]point{}}
	var clean, quality []float64
	for _, m := range e.Models {
		if m.Group != group {
			continue
		}
		runs, x, y := inBoth(m.Figure("clean"), m.Figure(name))
		if len(runs) == 0 {
			continue
		}
		alpha, beside := mixOf(m)
		atX, dx := stat.MeanStdDev(x, nil)
		atY, dy := stat.MeanStdDev(y, nil)
		j.points = append(j.points, point{x: atX, y: atY, label: alpha, beside: beside, end: alpha == "0" || alpha == "1",
			tip: fmt.Sprintf("%s, mean over %s: %.1f %% clean, %.1f %% %s", m.Name, text.Count(len(runs), "sweep"), atX, atY, name)})
		j.spread = append(j.spread, [2]float64{dx, dy})
		clean, quality = append(clean, atX), append(quality, atY)
		if beside {
			continue
		}
		for i, run := range runs {
			j.lines[run] = append(j.lines[run], point{x: x[i], y: y[i],
				tip: fmt.Sprintf("%s, %s: %.1f %% clean, %.1f %% %s", e.Runs[run].Name, m.Name, x[i], y[i], name)})
		}
	}
	pareto := metric.Pareto(clean, quality)
	for i := range j.points {
		j.points[i].pareto = slices.Contains(pareto, i)
	}
	return j
}

// inBoth returns the runs that have both figures, and the figures in percent.
func inBoth(a, b *result.JoinedFigure) (runs []int, x, y []float64) {
	if a == nil || b == nil {
		return nil, nil, nil
	}
	for i, run := range a.Runs {
		if k := slices.Index(b.Runs, run); k >= 0 {
			runs, x, y = append(runs, run), append(x, 100*a.Values[i]), append(y, 100*b.Values[k])
		}
	}
	return runs, x, y
}

// mixOf returns the alpha of a joined mix, and whether it is beside the path between the ends.
func mixOf(m *result.JoinedRow) (alpha string, beside bool) {
	alpha, beside = strings.TrimPrefix(m.Name, "alpha="), !strings.HasPrefix(m.Name, "alpha=")
	if value, sibling, found := strings.Cut(alpha, " "); found && !beside {
		return value + " " + sibling, true
	}
	return alpha, beside
}

// plot returns the plot, and the ranges of the values in it.
func (j *joinedPath) plot(figure string) (p *plot.Plot, x, y extent) {
	p = newPlot("accuracy on clean test data, %", figure)
	x, y = newExtent(), newExtent()
	for i, q := range j.points {
		x.include(q.x-j.spread[i][0], q.x, q.x+j.spread[i][0])
		y.include(q.y-j.spread[i][1], q.y, q.y+j.spread[i][1])
	}
	for _, line := range j.lines {
		for _, q := range line {
			x.include(q.x)
			y.include(q.y)
		}
	}
	p.X.Min, p.X.Max = x.widened(0.1, 0.12, 1)
	p.Y.Min, p.Y.Max = y.widened(0.1, 0.12, 1)
	p.Add(j, &path{points: j.points})
	return p, x, y
}

// Plot implements plot.Plotter: the lines of the sweeps, and those of the means with their deviations.
func (j *joinedPath) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	j.drawSweeps(&c, x, y)
	for _, kind := range j.kinds() {
		style := draw.LineStyle{Color: cleanColor, Width: vg.Points(1.1)}
		if kind != "" {
			style.Color, style.Dashes = robustColor, []vg.Length{4, 2}
		}
		var at []vg.Point
		for _, q := range j.points {
			if q.kind() == kind || q.end {
				at = append(at, vg.Point{X: x(q.x), Y: y(q.y)})
			}
		}
		c.StrokeLines(style, at)
	}
	bar := draw.LineStyle{Color: band(cleanColor), Width: vg.Points(2.4)}
	for i, q := range j.points {
		if dx := j.spread[i][0]; dx > 0 {
			c.StrokeLine2(bar, x(q.x-dx), y(q.y), x(q.x+dx), y(q.y))
		}
		if dy := j.spread[i][1]; dy > 0 {
			c.StrokeLine2(bar, x(q.x), y(q.y-dy), x(q.x), y(q.y+dy))
		}
	}
}

// kind returns what distinguishes a mix from that on the path with its alpha: "std"; "" for one on the path.
func (q point) kind() string {
	_, kind, _ := strings.Cut(q.label, " ")
	return kind
}

// kinds returns the kinds of mixes, those on the path first.
func (j *joinedPath) kinds() []string {
	list := []string{""}
	for _, q := range j.points {
		if q.beside && !slices.Contains(list, q.kind()) {
			list = append(list, q.kind())
		}
	}
	return list
}

// drawSweeps draws a line for each of several sweeps.
func (j *joinedPath) drawSweeps(c *draw.Canvas, x, y func(float64) vg.Length) {
	if len(j.lines) < 2 {
		return
	}
	thin := draw.LineStyle{Color: mutedColor, Width: vg.Points(0.6)}
	for _, run := range slices.Sorted(maps.Keys(j.lines)) {
		var at []vg.Point
		for _, q := range j.lines[run] {
			at = append(at, vg.Point{X: x(q.x), Y: y(q.y)})
			addTip(c, at[len(at)-1], q.tip)
		}
		c.StrokeLines(thin, at)
		for _, point := range at {
			c.DrawGlyph(draw.GlyphStyle{Color: mutedColor, Radius: vg.Points(1.2), Shape: draw.CircleGlyph{}}, point)
		}
	}
}
