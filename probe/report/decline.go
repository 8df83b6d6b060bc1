package report

import (
	"fmt"

	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/metric"
	"gonum.org/v1/plot"
)

func init() {
	registerPlot(Plot{
		Name: "decline", Doc: "accuracy over severity under each corruption, of the chosen model or else the first",
		draw: drawDecline,
	})
}

// drawDecline draws a panel for every corruption, all with one scale: clean accuracy at severity 0, and the accuracies
// of the severities that were run.
func drawDecline(r *result.Result) (*figure, error) {
	m := chosenModel(r)
	if m == nil {
		m = r.Models[0]
	}
	f := &figure{title: "Accuracy over severity", subtitle: shorten(m.ID) + "; severity 0 is clean data", columns: 4}
	y := newExtent()
	for _, name := range r.Order {
		c := m.Corruptions[name]
		if c == nil {
			continue
		}
		p := newPlot("severity", "")
		p.X.Min, p.X.Max = -0.2, metric.Severities+0.2
		p.X.Tick.Marker, p.Y.Tick.Marker = severityTicks(), plot.TickerFunc(fewTicks)
		e := addSeverities(p, m, c)
		y.include(e.low, e.high)
		f.panels = append(f.panels, panel{name, p})
	}
	if len(f.panels) == 0 {
		return nil, &EmptyPlotError{"decline", "there are no corruptions"}
	}
	for _, p := range f.panels {
		p.plot.Y.Min, p.plot.Y.Max = y.widened(0.05, 0.05, 1)
	}
	f.arrange(panelWidth, panelHeight)
	f.desc = fmt.Sprintf("Accuracy of %s under %d corruptions by severity, between %.1f %% and %.1f %%.",
		printable(m.ID), len(f.panels), y.low, y.high)
	return f, nil
}

// addSeverities adds the line of a corruption and returns the range of its values.
func addSeverities(p *plot.Plot, m *result.Model, c *result.Corruption) extent {
	s := series{color: robustColor}
	intervals := m.Intervals
	var at []float64
	values := append([]result.Number{m.Clean.OA}, c.OABySeverity[:]...)
	for severity, v := range values {
		if !v.Known() {
			continue
		}
		at = append(at, float64(severity))
		s.values = append(s.values, 100*float64(v))
		s.labels = append(s.labels, fmt.Sprintf("severity %d", severity))
		i := severityInterval(c, severity)
		if severity == 0 && intervals != nil {
			i = intervals.Clean
		}
		s.ends = append(s.ends, [2]float64{100 * float64(i[0]), 100 * float64(i[1])})
	}
	p.Add(&line{s, at})
	y := newExtent()
	y.include(s.values...)
	for _, e := range s.ends {
		y.include(e[0], e[1])
	}
	return y
}

func severityTicks() plot.ConstantTicks {
	var ticks plot.ConstantTicks
	for severity := range metric.Severities + 1 {
		ticks = append(ticks, plot.Tick{Value: float64(severity), Label: fmt.Sprint(severity)})
	}
	return ticks
}
