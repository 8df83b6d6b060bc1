package report

import (
	"fmt"
	"image/color"
	"io"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// Confusion writes a confusion matrix (row = label, column = prediction) as a picture:
// format is "png" or "svg". A cell is as dark as its share of the row's samples, and
// shows their number.
func Confusion(w io.Writer, format string, counts [][]int, classes []string) error {
	p := plot.New()
	p.X.Label.Text, p.Y.Label.Text = "prediction", "label"
	labels := plotter.XYLabels{}
	for i, row := range counts {
		total := 0
		for _, n := range row {
			total += n
		}
		for j, n := range row {
			if n == 0 {
				continue
			}
			x, y := float64(j), float64(len(counts)-1-i)
			if err := addCell(p, x, y, float64(n)/float64(total)); err != nil {
				return err
			}
			labels.XYs = append(labels.XYs, plotter.XY{X: x, Y: y})
			labels.Labels = append(labels.Labels, fmt.Sprint(n))
		}
	}
	text, err := plotter.NewLabels(labels)
	if err != nil {
		return err
	}
	for i := range text.TextStyle {
		text.TextStyle[i].XAlign, text.TextStyle[i].YAlign = -0.5, -0.4
	}
	p.Add(text)
	p.X.Tick.Marker, p.Y.Tick.Marker = classTicks(classes), downward(classTicks(classes))
	p.X.Tick.Label.Rotation, p.X.Tick.Label.XAlign = 0.8, -1
	edge := float64(len(counts)) - 0.5
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = -0.5, edge, -0.5, edge
	size := vg.Length(len(counts))*0.9*vg.Centimeter + 5*vg.Centimeter
	out, err := p.WriterTo(size, size, format)
	if err != nil {
		return err
	}
	_, err = out.WriteTo(w)
	return err
}

func addCell(p *plot.Plot, x, y, share float64) error {
	cell, err := plotter.NewPolygon(plotter.XYs{
		{X: x - 0.5, Y: y - 0.5}, {X: x + 0.5, Y: y - 0.5}, {X: x + 0.5, Y: y + 0.5}, {X: x - 0.5, Y: y + 0.5},
	})
	if err != nil {
		return err
	}
	light := uint8(255 - 170*share)
	cell.Color = color.RGBA{R: light, G: light, B: 255, A: 255}
	cell.LineStyle.Width = 0
	p.Add(cell)
	return nil
}

// classTicks labels the positions 0, 1, ... with the classes.
func classTicks(classes []string) plot.ConstantTicks {
	ticks := make(plot.ConstantTicks, len(classes))
	for i, name := range classes {
		ticks[i] = plot.Tick{Value: float64(i), Label: name}
	}
	return ticks
}

// downward reverses the positions of ticks at 0, 1, ...
func downward(ticks plot.ConstantTicks) plot.ConstantTicks {
	for i := range ticks {
		ticks[i].Value = float64(len(ticks) - 1 - i)
	}
	return ticks
}
