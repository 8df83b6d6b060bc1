package report

import (
	"fmt"

	"github.com/wiseft/wiseft/probe/bench/result"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
)

func init() {
	registerPlot(Plot{Name: "alpha", Doc: "clean accuracy and mOA over alpha, with bands", draw: drawAlpha})
	registerPlot(Plot{
		Name: "corruptions", Doc: "accuracy under each corruption over alpha, with bands", draw: drawCorruptions,
	})
}

func oneplot(p *plot.Plot, title, subtitle string) *figure {
	return &figure{title: title, subtitle: subtitle, width: figureWidth, height: figureHeight, panels: []panel{{plot: p}}}
}

// drawAlpha draws clean accuracy and mOA over alpha, and the validation accuracy by which the mix was chosen.
func drawAlpha(r *result.Result) (*figure, error) {
	axis := newModelAxis(r)
	list := []series{
		newSeries(r, "clean", cleanColor, cleanFigure),
		newSeries(r, "mOA", robustColor, robustFigure),
	}
	if hasRepaired(r) && axis.continuous {
		list = append(list, newRepairedSeries(r, "clean", cleanColor, cleanFigure),
			newRepairedSeries(r, "mOA", robustColor, robustFigure))
	}
	if hasValidation(r) {
		val := newSeries(r, "validation", mutedColor, validationFigure)
		val.dashed = true
		list = append(list, val)
	}
	p := newPlot(axis.name, "accuracy, %")
	axis.apply(p)
	y := addSeries(p, r, axis, list)
	p.X.Max += 0.16 * (p.X.Max - p.X.Min) // room for the names of the series
	p.Add(&names{list, axis})
	p.Y.Min, p.Y.Max = y.widened(0.05, 0.1, 1)
	f := oneplot(p, "Accuracy over "+axis.name, fmt.Sprintf("bands: %s intervals", level(r)))
	if !axis.continuous {
		f.title, f.subtitle = "Accuracy of the models", fmt.Sprintf("bars: %s intervals", level(r))
	}
	if !hasIntervals(r) {
		f.subtitle = ""
	}
	f.desc = fmt.Sprintf("%s of %d models, between %.1f %% and %.1f %%.", seriesNames(list), len(r.Models), y.low, y.high)
	return f, nil
}

func seriesNames(list []series) (text string) {
	for _, s := range list {
		if s.isEmpty() {
			continue
		}
		if text != "" {
			text += ", "
		}
		text += s.name
	}
	return text
}

func validationFigure(m *result.Model) (result.Number, *[2]result.Number) {
	return m.Validation.OA, nil
}

func cleanFigure(m *result.Model) (result.Number, *[2]result.Number) {
	if m.Intervals == nil {
		return m.Clean.OA, nil
	}
	return m.Clean.OA, &m.Intervals.Clean
}

func robustFigure(m *result.Model) (result.Number, *[2]result.Number) {
	if m.Intervals == nil {
		return m.Exact.MOA, nil
	}
	return m.Exact.MOA, m.Intervals.MOA
}

// corruptionFigure returns the mean accuracy under a corruption.
func corruptionFigure(name string) func(m *result.Model) (result.Number, *[2]result.Number) {
	return func(m *result.Model) (result.Number, *[2]result.Number) {
		c := m.Corruptions[name]
		if c == nil {
			return unknown, nil
		}
		if m.Intervals != nil {
			if i, ok := m.Intervals.Corruptions[name]; ok {
				return mean(c), &i
			}
		}
		return mean(c), nil
	}
}

// drawCorruptions draws a panel for every corruption, all with one scale.
func drawCorruptions(r *result.Result) (*figure, error) {
	axis := newModelAxis(r)
	f := &figure{title: "Accuracy under each corruption", columns: 4}
	f.subtitle = fmt.Sprintf("means over severities; bands: %s intervals", level(r))
	y := newExtent()
	for _, name := range r.Order {
		s := newSeries(r, "", robustColor, corruptionFigure(name))
		if s.isEmpty() {
			continue
		}
		p := newPlot(axis.name, "")
		p.Y.Tick.Marker = plot.TickerFunc(fewTicks)
		axis.applySmall(p)
		list := []series{s}
		if hasRepaired(r) && axis.continuous {
			list = append(list, newRepairedSeries(r, "", robustColor, corruptionFigure(name)))
		}
		e := addSeries(p, r, axis, list)
		y.include(e.low, e.high)
		f.panels = append(f.panels, panel{name, p})
	}
	if len(f.panels) == 0 {
		return nil, &EmptyPlotError{"corruptions", "no corruption was run at all severities"}
	}
	for _, p := range f.panels {
		p.plot.Y.Min, p.plot.Y.Max = y.widened(0.05, 0.05, 1)
	}
	f.arrange(panelWidth, panelHeight)
	f.desc = fmt.Sprintf("Accuracy of %d models under %d corruptions, between %.1f %% and %.1f %%.",
		len(r.Models), len(f.panels), y.low, y.high)
	return f, nil
}

// The size of one of several small plots.
const (
	panelWidth  = 2.3 * vg.Inch
	panelHeight = 2.1 * vg.Inch
)
