package report

import (
	"fmt"

	"github.com/wiseft/wiseft/probe/bench/result"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
)

func init() {
	registerPlot(Plot{Name: "curve", Doc: "target accuracy against robustness, with the Pareto set", draw: drawCurve})
}

// The size of a half-page figure.
const (
	figureWidth  = 6.4 * vg.Inch
	figureHeight = 4.2 * vg.Inch
)

func drawCurve(r *result.Result) (*figure, error) {
	points := modelPoints(r)
	if len(points) == 0 {
		return nil, &EmptyPlotError{"curve", "no model has figures of a whole suite"}
	}
	p, x, y := newPathPlot(r, points, robustLabel(r))
	f := oneplot(p, "Target accuracy and robustness", pathLegend(r))
	if names := paramNames(r); len(names) == 1 {
		f.title += " over " + names[0]
	}
	f.desc = fmt.Sprintf("mOA against clean accuracy of %d models, "+
		"from %.1f %% to %.1f %% clean and from %.1f %% to %.1f %% under corruption. %s",
		len(points), x.low, x.high, y.low, y.high, paretoText(r))
	return f, nil
}

// newPathPlot returns a plot of a figure against clean accuracy, one point for every model, and the range of each.
func newPathPlot(r *result.Result, points []point, figure string) (p *plot.Plot, x, y extent) {
	p = newPlot("accuracy on clean test data, %", figure)
	x, y = newExtent(), newExtent()
	for _, q := range points {
		x.include(q.x)
		y.include(q.y)
	}
	p.X.Min, p.X.Max = x.widened(0.2, 0.25, 1)
	p.Y.Min, p.Y.Max = y.widened(0.12, 0.14, 1)
	p.Add(&path{points, len(paramNames(r)) == 1})
	return p, x, y
}

// pointTip describes a model by its clean accuracy and another figure: "alpha=0.8, chosen: 79.9 % clean, 61.0 % mOA".
func pointTip(r *result.Result, m *result.Model, v result.Number, figure string) string {
	name := m.ID
	if role := role(r, m); role != "" {
		name += ", " + role
	}
	return fmt.Sprintf("%s: %s %% clean, %s %% %s", name, percent(m.Clean.OA), percent(v), figure)
}

// modelPoints returns the models that have both figures, in percent, in the order of the
// result.
func modelPoints(r *result.Result) []point {
	var points []point
	for i, m := range r.Models {
		if !m.Exact.MOA.Known() || !m.Clean.OA.Known() {
			continue
		}
		points = append(points, point{
			tip: pointTip(r, m, m.Exact.MOA, "mOA"), x: 100 * float64(m.Clean.OA), y: 100 * float64(m.Exact.MOA), label: shorten(label(m)),
			role: role(r, m), pareto: isPareto(r, m) || len(r.Models) == 1, end: isEnd(r, i), beside: m.Repaired || m.Statistics != "",
		})
	}
	return points
}

// shorten abbreviates labels for plots. It keeps the end of a file's name, which differs more than its beginning.
func shorten(s string) string {
	const most = 28
	s = printable(s)
	if runes := []rune(s); len(runes) > most {
		return "…" + string(runes[len(runes)-most+1:])
	}
	return s
}

// robustLabel returns the name of the axis of robustness.
func robustLabel(r *result.Result) string {
	return fmt.Sprintf("mOA, %s%s, %%", selfMade(r), r.Suite)
}

// pathLegend describes how the points of a path are drawn.
func pathLegend(r *result.Result) string {
	if len(r.Models) < 2 {
		return ""
	}
	return "dark: in the Pareto set · pale: another model is better at both"
}

func paretoText(r *result.Result) string {
	const most = 12
	switch list, k := every(paretoSet(r), most); {
	case len(list) == 0:
		return ""
	case k > 1:
		return fmt.Sprintf("The Pareto set has %d models.", len(r.Pareto))
	default:
		text := "The Pareto set: " + list[0]
		for _, id := range list[1:] {
			text += ", " + id
		}
		return text + "."
	}
}
