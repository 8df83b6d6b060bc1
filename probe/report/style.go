package report

import (
	"fmt"
	"image/color"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// The colours of all plots. Blue, green and vermillion are those of Okabe and Ito, which are distinct for
// colour-blind readers. None is pure black, which the SVG writer leaves out.
var (
	inkColor    = color.NRGBA{R: 0x22, G: 0x26, B: 0x2b, A: 0xff}
	mutedColor  = color.NRGBA{R: 0x6b, G: 0x72, B: 0x80, A: 0xff}
	faintColor  = color.NRGBA{R: 0xe4, G: 0xe6, B: 0xe9, A: 0xff}
	paperColor  = color.NRGBA{R: 0xff, G: 0xff, B: 0xff, A: 0xff}
	veilColor   = color.NRGBA{R: 0xff, G: 0xff, B: 0xff, A: 0xc0} // behind text
	cleanColor  = color.NRGBA{R: 0x00, G: 0x72, B: 0xb2, A: 0xff}
	robustColor = color.NRGBA{R: 0x00, G: 0x8f, B: 0x68, A: 0xff}
	chosenColor = color.NRGBA{R: 0xd5, G: 0x5e, B: 0x00, A: 0xff}
)

// pageColors are the style variables of the plots' colours, in the light and the dark page, and their values in the dark one.
var pageColors = []struct {
	color      color.NRGBA
	name, dark string
}{
	{inkColor, "--ink", "#E6E8EB"}, {mutedColor, "--muted", "#9AA3AF"}, {faintColor, "--faint", "#343A42"},
	{paperColor, "--paper", "#1A1D21"}, {cleanColor, "--clean", "#56B4E9"}, {robustColor, "--robust", "#3CC79C"},
	{chosenColor, "--chosen", "#F0934A"},
	{band(cleanColor), "--clean", "#56B4E9"}, {veilColor, "--paper", "#1A1D21"}, {band(robustColor), "--robust", "#3CC79C"},
}

// band returns the colour of the interval around a line.
func band(c color.NRGBA) color.NRGBA {
	c.A = 0x2a
	return c
}

func sans(size vg.Length) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
}

func boldSans(size vg.Length) font.Font {
	f := sans(size)
	f.Weight = 3 // bold
	return f
}

func textStyle(f font.Font, c color.Color, x text.XAlignment, y text.YAlignment) draw.TextStyle {
	return draw.TextStyle{Color: c, Font: f, XAlign: x, YAlign: y, Handler: plot.DefaultTextHandler}
}

// newPlot returns an empty plot with a grid.
func newPlot(x, y string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	p.X.Label.Text, p.Y.Label.Text = x, y
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Label.TextStyle.Font = sans(10.5)
		axis.Label.TextStyle.Color = mutedColor
		axis.Label.Padding = vg.Points(5)
		axis.Tick.Label.Font = sans(10)
		axis.Tick.Label.Color = inkColor
		axis.Tick.Length = vg.Points(4)
		axis.LineStyle.Color, axis.Tick.LineStyle.Color = mutedColor, mutedColor
		axis.LineStyle.Width, axis.Tick.LineStyle.Width = vg.Points(0.7), vg.Points(0.7)
		axis.Padding = 0
		axis.Tick.Marker = plot.TickerFunc(roundTicks)
	}
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = faintColor, faintColor
	grid.Horizontal.Width, grid.Vertical.Width = vg.Points(0.7), vg.Points(0.7)
	p.Add(grid)
	return p
}

// extent is the range of the values of an axis.
type extent struct{ low, high float64 }

func newExtent() extent { return extent{math.Inf(1), math.Inf(-1)} }

// include widens the extent to contain the values that are not NaN.
func (e *extent) include(values ...float64) {
	for _, v := range values {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			e.low, e.high = min(e.low, v), max(e.high, v)
		}
	}
}

// widened returns the extent with shares of it added at its ends, at least least wide, so that noise does not fill
// the plot.
func (e extent) widened(low, high, least float64) (from, to float64) {
	d := max(e.high-e.low, least)
	middle := (e.low + e.high) / 2
	return middle - d/2 - low*d, middle + d/2 + high*d
}

// roundTicks labels multiples of 1, 2 or 5 times a power of ten.
func roundTicks(lo, hi float64) []plot.Tick { return ticksOf(lo, hi, 8) }

// fewTicks is roundTicks for small plots.
func fewTicks(lo, hi float64) []plot.Tick { return ticksOf(lo, hi, 5) }

func ticksOf(lo, hi float64, most int) []plot.Tick {
	if !(hi > lo) || math.IsInf(hi-lo, 0) {
		return []plot.Tick{{Value: lo, Label: fmt.Sprintf("%.4g", lo)}}
	}
	step := math.Pow(10, math.Floor(math.Log10((hi-lo)/float64(most))))
	for i := 0; (hi-lo)/step > float64(most); i++ {
		step *= []float64{2, 2.5, 2}[i%3]
	}
	var ticks []plot.Tick
	k := math.Ceil(lo/step - 1e-9)
	for i := 0; i <= most && k*step <= hi+1e-9*step; i, k = i+1, k+1 {
		v, _ := strconv.ParseFloat(fmt.Sprintf("%.6g", k*step), 64) // 0.3, not 0.30000000000000004
		if v == 0 {
			v = 0 // and not -0
		}
		ticks = append(ticks, plot.Tick{Value: v, Label: fmt.Sprintf("%.4g", v)})
	}
	return ticks
}
