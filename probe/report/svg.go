package report

import (
	"bytes"
	"fmt"
	"html"
	"image/color"
	"regexp"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

var svgTag = regexp.MustCompile(`<svg [^>]*>`)

// describe adds a title and a description to an SVG document, for screen readers.
func describe(svg []byte, title, desc string) []byte {
	at := svgTag.FindIndex(svg)
	if at == nil {
		panic("report: svg without its tag")
	}
	var b bytes.Buffer
	b.Write(svg[:at[1]-1])
	fmt.Fprintf(&b, ` role="img">%s`, titleElements("", title, desc))
	b.Write(svg[at[1]:])
	return b.Bytes()
}

// titleElements returns the title and description elements of a picture, with IDs made of id unless it is "".
func titleElements(id, title, desc string) string {
	titleID, descID := "", ""
	if id != "" {
		titleID, descID = fmt.Sprintf(` id="%s-title"`, id), fmt.Sprintf(` id="%s-desc"`, id)
	}
	return fmt.Sprintf("<title%s>%s</title><desc%s>%s</desc>", titleID, html.EscapeString(printable(title)),
		descID, html.EscapeString(printable(desc)))
}

// inlineScale makes text larger in the page, where figures are side by side.
const inlineScale = 0.88

// inline draws the panels as a part of a page: without the title, and in the page's colours. id is unique in the
// page.
func (f *figure) inline(id string) (string, error) {
	width, height := f.width*inlineScale, f.height*inlineScale
	canvas := newTipCanvas(width, height)
	f.drawPanels(draw.New(canvas))
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return "", err
	}
	at := svgTag.FindIndex(b.Bytes())
	if at == nil {
		panic("report: svg without its tag")
	}
	head := fmt.Sprintf(`<svg viewBox="0 0 %g %g" role="img" aria-labelledby="%s-title %s-desc">`,
		width.Points(), height.Points(), id, id)
	return head + titleElements(id, f.title, f.desc) + withTips(themed(b.String()[at[1]:]), canvas, height), nil
}

// withTips puts the titles of a canvas at the end of its SVG document, above all marks.
func withTips(svg string, c *tipCanvas, height vg.Length) string {
	before, after, found := cutLast(svg, "</svg>")
	if !found {
		panic("report: svg without its end")
	}
	return before + c.elements(height) + "</svg>" + after
}

// themed replaces the plots' colours by the page's variables, and the fonts by ones that browsers have: Arial and
// Helvetica have the metrics of Liberation Sans.
func themed(svg string) string {
	pairs := []string{
		"font-family:Liberation Sans;font-variant:normal;font-weight:normal;font-style:normal;", "",
		"font-family:Liberation Sans;font-variant:normal;font-weight:bold;font-style:normal;", "font-weight:bold;",
	}
	for _, c := range pageColors {
		for _, property := range []string{"fill:", "stroke:"} {
			pairs = append(pairs, property+svgColor(c.color), property+"var("+c.name+")")
		}
	}
	return strings.NewReplacer(pairs...).Replace(svg)
}

// svgColor returns a colour as vgsvg writes it, which rounds transparent ones.
func svgColor(c color.Color) string {
	r, g, b, alpha := c.RGBA()
	a := 255 / float64(alpha)
	return fmt.Sprintf("#%02X%02X%02X", int(float64(r)*a), int(float64(g)*a), int(float64(b)*a))
}
