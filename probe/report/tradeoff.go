package report

import (
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/metric"
)

func init() {
	registerPlot(Plot{Name: "tradeoff", Doc: "target accuracy against the backbone's quality for other data, with the Pareto set",
		draw: drawTradeoff})
}

// drawTradeoff draws a panel for every transfer set: one point for every model, by the first task that the data has.
func drawTradeoff(r *result.Result) (*figure, error) {
	f := &figure{title: "Target accuracy and quality of the backbone", columns: 2, subtitle: pathLegend(r)}
	for _, set := range r.Settings.Transfers {
		task, points := tradeoffPoints(r, set)
		if len(points) == 0 {
			continue
		}
		p, x, y := newPathPlot(r, points, task.Head+" on transfer data, %")
		f.panels = append(f.panels, panel{printable(set.Name), p})
		f.desc += fmt.Sprintf("%s: %s from %.1f %% to %.1f %% at target accuracies from %.1f %% to %.1f %%. ",
			printable(set.Name), task.Head, y.low, y.high, x.low, x.high)
	}
	if len(f.panels) == 0 {
		return nil, &EmptyPlotError{"tradeoff", "no transfer data was measured"}
	}
	f.arrange(figureWidth, figureHeight)
	return f, nil
}

// tradeoffPoints returns the points of a transfer set in percent, and the task that they are of.
func tradeoffPoints(r *result.Result, set *result.TransferSet) (result.TransferTask, []point) {
	for _, task := range set.Tasks {
		var points []point
		var clean, quality []float64
		for i, m := range r.Models {
			f := m.Transfer[set.Name].Figure(task)
			if f == nil || !f.Accuracy.Known() || !m.Clean.OA.Known() {
				continue
			}
			clean, quality = append(clean, float64(m.Clean.OA)), append(quality, float64(f.Accuracy))
			points = append(points, point{x: 100 * float64(m.Clean.OA), y: 100 * float64(f.Accuracy), label: shorten(label(m)),
				role: role(r, m), end: isEnd(r, i), beside: m.Repaired || m.Statistics != "", tip: pointTip(r, m, f.Accuracy, task.Head)})
		}
		pareto := metric.Pareto(clean, quality)
		for i := range points {
			points[i].pareto = slices.Contains(pareto, i)
		}
		if len(points) > 0 {
			return task, points
		}
	}
	return result.TransferTask{}, nil
}
