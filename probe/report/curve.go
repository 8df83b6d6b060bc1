package report

import (
	"fmt"
	"image/color"
	"io"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/wiseft/wiseft/probe/bench"
)

func init() {
	for name, doc := range map[string]string{"svg": "scalable", "png": "pixels"} {
		register(Format{
			Name:  name,
			Doc:   "the curve of target accuracy against robustness over alpha, as " + doc,
			Write: func(w io.Writer, r *bench.Result) error { return writeCurve(w, r, name) },
		})
	}
}

// The curve's size, that of a half-page figure.
const (
	curveWidth  = 6.4 * vg.Inch
	curveHeight = 4.4 * vg.Inch
)

var (
	inkColor    = color.NRGBA{R: 0x22, G: 0x26, B: 0x2b, A: 0xff}
	faintColor  = color.NRGBA{R: 0xe4, G: 0xe6, B: 0xe9, A: 0xff}
	pathColor   = color.NRGBA{R: 0x2b, G: 0x6c, B: 0xb0, A: 0xff}
	chosenColor = color.NRGBA{R: 0xd6, G: 0x45, B: 0x1b, A: 0xff}
)

// point is a model on the curve, in percent.
type point struct {
	clean, robust float64
	label         string
	end, chosen   bool
}

// curvePoints returns the models that have both figures, in the order of the result.
func curvePoints(r *bench.Result) []point {
	var points []point
	for i, m := range r.Models {
		if !m.MOA.Known() || !m.Clean.OA.Known() {
			continue
		}
		p := point{
			clean: 100 * float64(m.Clean.OA), robust: 100 * float64(m.Exact.MOA), label: m.ID,
			end:    i == 0 || i == len(r.Models)-1,
			chosen: r.Chosen != nil && r.Chosen.ID == m.ID,
		}
		if m.Alpha != nil {
			p.label = fmt.Sprintf("%.4g", *m.Alpha)
			p.end = *m.Alpha == 0 || *m.Alpha == 1
		}
		points = append(points, p)
	}
	return points
}

func writeCurve(w io.Writer, r *bench.Result, format string) error {
	points := curvePoints(r)
	if len(points) == 0 {
		return fmt.Errorf("there is no curve to draw: no model has figures of a whole suite")
	}
	p := newCurve(r)
	setRange(p, points)
	if err := drawPath(p, points, r.Chosen != nil); err != nil {
		return err
	}
	for _, add := range []func(*plot.Plot, []point) error{drawPoints, drawLabels} {
		if err := add(p, points); err != nil {
			return err
		}
	}
	canvas, err := draw.NewFormattedCanvas(curveWidth, curveHeight, format)
	if err != nil {
		return err
	}
	const margin = 8 // points
	p.Draw(draw.Crop(draw.New(canvas), margin, -margin, margin, -margin))
	_, err = canvas.WriteTo(w)
	return err
}

func newCurve(r *bench.Result) *plot.Plot {
	p := plot.New()
	p.Title.Text = "Target accuracy and robustness over alpha"
	p.Title.TextStyle.Font = font.Font{Typeface: "Liberation", Variant: "Sans", Weight: 3, Size: 13}
	p.Title.Padding = vg.Points(10)
	p.X.Label.Text = "accuracy on clean test data, %"
	p.Y.Label.Text = "mean accuracy under corruption (mOA), %"
	if r.Suite != "" {
		p.Y.Label.Text = "mean accuracy under " + r.Suite + " (mOA), %"
		if r.Reference != nil && !r.Reference.Comparable {
			p.Y.Label.Text = "mOA, self-made " + r.Suite + " corruptions, %"
		}
	}
	sans := font.Font{Typeface: "Liberation", Variant: "Sans"}
	p.Title.TextStyle.Color = inkColor
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Label.TextStyle.Font = font.From(sans, 11)
		axis.Label.TextStyle.Color = inkColor
		axis.Label.Padding = vg.Points(6)
		axis.Tick.Label.Font = font.From(sans, 10)
		axis.Tick.Label.Color = inkColor
		axis.LineStyle.Color = inkColor
		axis.LineStyle.Width = vg.Points(0.7)
		axis.Tick.LineStyle.Color = inkColor
		axis.Padding = 0
		axis.Tick.Marker = plot.TickerFunc(roundTicks)
	}
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = faintColor, faintColor
	p.Add(grid)
	return p
}

// drawPath joins the points where they are one sweep.
func drawPath(p *plot.Plot, points []point, sweep bool) error {
	if !sweep {
		return nil
	}
	line, err := plotter.NewLine(xys(points))
	if err != nil {
		return err
	}
	line.Color = pathColor
	line.Width = vg.Points(1.2)
	p.Add(line)
	return nil
}

func xys(points []point) plotter.XYs {
	out := make(plotter.XYs, len(points))
	for i, q := range points {
		out[i] = plotter.XY{X: q.clean, Y: q.robust}
	}
	return out
}

// drawPoints draws plain points full, the ends hollow, and the chosen one on top.
func drawPoints(p *plot.Plot, points []point) error {
	scatter, err := plotter.NewScatter(xys(points))
	if err != nil {
		return err
	}
	white, err := plotter.NewScatter(xys(points))
	if err != nil {
		return err
	}
	white.GlyphStyleFunc = func(i int) draw.GlyphStyle {
		return draw.GlyphStyle{Color: color.White, Radius: radius(points[i]) + vg.Points(1.5), Shape: draw.CircleGlyph{}}
	}
	scatter.GlyphStyleFunc = func(i int) draw.GlyphStyle {
		style := draw.GlyphStyle{Color: pathColor, Radius: radius(points[i]), Shape: draw.CircleGlyph{}}
		if points[i].end {
			style.Shape = draw.RingGlyph{}
		}
		if points[i].chosen {
			style.Color, style.Shape = chosenColor, draw.CircleGlyph{}
		}
		return style
	}
	p.Add(white, scatter)
	return nil
}

func radius(q point) vg.Length {
	if q.chosen || q.end {
		return vg.Points(5)
	}
	return vg.Points(3.2)
}

// drawLabels writes alpha beside each point, on the outer side of the curve. Each is a
// plotter of its own, because its offset is.
func drawLabels(p *plot.Plot, points []point) error {
	names := make([]string, len(points))
	for i, q := range points {
		names[i] = q.label
		switch {
		case q.chosen:
			names[i] += "  chosen"
		case q.end && q.label == "0":
			names[i] = "0  pretrained"
		case q.end && q.label == "1":
			names[i] = "1  finetuned"
		}
	}
	for i, q := range points {
		label, err := plotter.NewLabels(plotter.XYLabels{XYs: xys(points[i : i+1]), Labels: names[i : i+1]})
		if err != nil {
			return err
		}
		style := &label.TextStyle[0]
		style.Font = font.Font{Typeface: "Liberation", Variant: "Sans", Size: 9}
		style.Color = inkColor
		if q.chosen {
			style.Color = chosenColor
		}
		x, y := outward(p, points, i)
		style.XAlign, style.YAlign = text.XCenter, text.YCenter
		if x > 0.4 {
			style.XAlign = text.XLeft
		}
		if x < -0.4 {
			style.XAlign = text.XRight
		}
		label.Offset = vg.Point{X: vg.Points(11 * x), Y: vg.Points(11 * y)}
		p.Add(label)
	}
	return nil
}

// outward returns the unit vector, in the plot's proportions, that points away from the
// curve at point i. The curve of a sweep bends to the right as alpha grows, so its outer
// side is on the left.
func outward(p *plot.Plot, points []point, i int) (x, y float64) {
	a, b := points[max(i-1, 0)], points[min(i+1, len(points)-1)]
	dx := (b.clean - a.clean) / (p.X.Max - p.X.Min) * float64(curveWidth)
	dy := (b.robust - a.robust) / (p.Y.Max - p.Y.Min) * float64(curveHeight)
	n := math.Hypot(dx, dy)
	if n == 0 {
		return 1, 0
	}
	return -dy / n, dx / n
}

// setRange leaves a margin around the points, a wider one to the right for labels.
func setRange(p *plot.Plot, points []point) {
	p.X.Min, p.X.Max = math.Inf(1), math.Inf(-1)
	p.Y.Min, p.Y.Max = math.Inf(1), math.Inf(-1)
	for _, q := range points {
		p.X.Min, p.X.Max = min(p.X.Min, q.clean), max(p.X.Max, q.clean)
		p.Y.Min, p.Y.Max = min(p.Y.Min, q.robust), max(p.Y.Max, q.robust)
	}
	// A spread under one point would blow noise up to a shape.
	dx, dy := max(p.X.Max-p.X.Min, 1), max(p.Y.Max-p.Y.Min, 1)
	p.X.Min, p.X.Max = p.X.Min-0.26*dx, p.X.Max+0.25*dx
	p.Y.Min, p.Y.Max = p.Y.Min-0.1*dy, p.Y.Max+0.15*dy
}

// roundTicks puts labels at multiples of 1, 2 or 5 times a power of ten.
func roundTicks(lo, hi float64) []plot.Tick {
	const most = 8
	step := 0.1
	for i := 0; (hi-lo)/step > most; i++ {
		step *= []float64{2, 2.5, 2}[i%3]
	}
	var ticks []plot.Tick
	for k := math.Ceil(lo / step); k*step <= hi; k++ {
		ticks = append(ticks, plot.Tick{Value: k * step, Label: fmt.Sprintf("%.4g", k*step)})
	}
	return ticks
}
