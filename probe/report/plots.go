package report

import (
	"bytes"
	"fmt"
	"io"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/registry"
	"github.com/wiseft/wiseft/probe/bench/result"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Plot is a picture of a result.
type Plot struct {
	Name string
	Doc  string // one line
	draw func(r *result.Result) (*figure, error)
}

// figure is a drawing of one plot, or of several beside each other.
type figure struct {
	title, subtitle string
	desc            string // description for screen readers
	width, height   vg.Length
	panels          []panel
	columns         int // of panels
}

// panel is one plot of a figure. title may be "".
type panel struct {
	title string
	plot  *plot.Plot
}

// EmptyPlotError reports that a result has no data for a plot.
type EmptyPlotError struct {
	Plot string
	Why  string
}

// Kind implements the kinds of package fault.
func (e *EmptyPlotError) Kind() fault.Kind { return fault.Input }

func (e *EmptyPlotError) Error() string {
	return fmt.Sprintf("there is no plot %q of this result: %s", e.Plot, e.Why)
}

var plots = registry.New[Plot]("plot")

func registerPlot(p Plot) {
	if p.Doc == "" || p.draw == nil {
		panic("report: a plot without a text or a function")
	}
	plots.Register(p.Name, p)
}

// PlotNames returns the names of all plots, sorted.
func PlotNames() []string { return plots.Names() }

// LookupPlot returns the plot of a name, or a [*registry.UnknownError].
func LookupPlot(name string) (Plot, error) { return plots.Lookup(name) }

// WritePlot writes the plot of that name as "svg" or "png". If the result has no data for it, the error is an
// [EmptyPlotError], and nothing is written.
func WritePlot(w io.Writer, name, format string, r *result.Result) error {
	f, err := drawNamed(r, name)
	if err != nil {
		return err
	}
	switch format {
	case "png":
		canvas, err := f.render(format)
		if err != nil {
			return err
		}
		_, err = canvas.WriteTo(w)
		return err
	case "svg":
		svg, err := f.svg()
		if err != nil {
			return err
		}
		_, err = w.Write(svg)
		return err
	default:
		return fault.Usagef("a plot is svg or png, not %q", format)
	}
}

func init() {
	for name, doc := range map[string]string{"svg": "scalable", "png": "pixels"} {
		register(Format{
			Name:   name,
			Doc:    "the curve of target accuracy against robustness over alpha, as " + doc,
			Files:  []string{"*." + name},
			Binary: name == "png",
			Write:  func(w io.Writer, r *result.Result) error { return WritePlot(w, "curve", name, r) },
		})
	}
}

const (
	titleSize    = 13 // points
	subtitleSize = 10
	figureMargin = vg.Length(10)
)

// headHeight is that of the title of a whole figure.
const headHeight = vg.Length(44)

// render draws the whole figure as pixels.
func (f *figure) render(format string) (vg.CanvasWriterTo, error) {
	canvas, err := draw.NewFormattedCanvas(f.width, f.height+headHeight, format)
	if err != nil {
		return nil, err
	}
	f.drawOn(canvas)
	return canvas, nil
}

// drawOn draws the whole figure, with its title, on white.
func (f *figure) drawOn(canvas vg.CanvasSizer) {
	c := draw.New(canvas)
	c.SetColor(paperColor)
	c.Fill(c.Path())
	at := vg.Point{X: c.Min.X + figureMargin, Y: c.Max.Y - figureMargin}
	c.FillText(textStyle(boldSans(titleSize), inkColor, draw.XLeft, draw.YTop), at, f.title)
	at.Y -= titleSize + 4
	c.FillText(textStyle(sans(subtitleSize), mutedColor, draw.XLeft, draw.YTop), at, f.subtitle)
	f.drawPanels(draw.Crop(c, 0, 0, 0, -headHeight))
}

// arrange limits the columns to the panels, and sets the figure's size from that of a panel.
func (f *figure) arrange(width, height vg.Length) {
	f.columns = min(f.columns, len(f.panels))
	f.width, f.height = vg.Length(f.columns)*width, vg.Length(f.rows())*height
}

// rows returns how many rows the panels take.
func (f *figure) rows() int {
	columns := max(f.columns, 1)
	return (len(f.panels) + columns - 1) / columns
}

// drawPanels draws the plots without the title.
func (f *figure) drawPanels(c draw.Canvas) {
	columns := max(f.columns, 1)
	tiles := draw.Tiles{Cols: columns, Rows: f.rows(), PadX: vg.Points(10), PadY: vg.Points(14),
		PadLeft: figureMargin, PadRight: figureMargin, PadTop: vg.Points(6), PadBottom: figureMargin}
	for i, p := range f.panels {
		tile := tiles.At(c, i%columns, i/columns)
		if p.title != "" {
			style := textStyle(boldSans(subtitleSize), inkColor, draw.XCenter, draw.YTop)
			tile.FillText(style, vg.Point{X: tile.Center().X, Y: tile.Max.Y}, p.title)
			tile = draw.Crop(tile, 0, 0, 0, -vg.Points(16))
		}
		p.plot.Draw(tile)
	}
}

// svg draws the whole figure as an SVG document with a description.
func (f *figure) svg() ([]byte, error) {
	canvas := newTipCanvas(f.width, f.height+headHeight)
	f.drawOn(canvas)
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return nil, err
	}
	return describe([]byte(withTips(b.String(), canvas, f.height+headHeight)), f.title, f.desc), nil
}
