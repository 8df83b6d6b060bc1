package report

import (
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// tipCanvas is an SVG canvas whose marks have titles, which browsers show where the pointer rests.
type tipCanvas struct {
	*vgsvg.Canvas
	tips []tip
}

// maxTips is about how many marks of a series have titles; of more, every k-th.
const maxTips = 100

// tip is the title of a mark.
type tip struct {
	at   vg.Point
	text string
}

func newTipCanvas(width, height vg.Length) *tipCanvas {
	return &tipCanvas{Canvas: vgsvg.New(width, height)}
}

// addTip gives the mark at a point of the canvas a title. Pictures of other formats have none.
func addTip(c *draw.Canvas, at vg.Point, text string) {
	below := c.Canvas
	for {
		part, ok := below.(draw.Canvas) // a part of a canvas is a canvas on it
		if !ok {
			break
		}
		below = part.Canvas
	}
	if t, ok := below.(*tipCanvas); ok && text != "" {
		t.tips = append(t.tips, tip{at, text})
	}
}

// elements returns the titles as invisible circles on the marks. height is that of the canvas, whose y goes up.
func (c *tipCanvas) elements(height vg.Length) string {
	var b strings.Builder
	for _, t := range c.tips {
		fmt.Fprintf(&b, `<circle cx="%.5g" cy="%.5g" r="7" fill="none" pointer-events="all"><title>%s</title></circle>`,
			t.at.X.Points(), (height - t.at.Y).Points(), svgText(t.text))
	}
	return b.String()
}

// addTip gives the mark of value i a title.
func (s series) addTip(c *draw.Canvas, at vg.Point, i int) {
	if every := (len(s.values) + maxTips - 1) / maxTips; i%every == 0 {
		addTip(c, at, s.tipOf(i))
	}
}

// tipOf describes value i of a series: "mOA, alpha 0.5: 78.3 % (76.1–80.2)".
func (s series) tipOf(i int) string {
	parts := s.name
	if i < len(s.labels) && s.labels[i] != "" {
		if parts != "" {
			parts += ", "
		}
		parts += s.labels[i]
	}
	if parts != "" {
		parts += ": "
	}
	parts += fmt.Sprintf("%.1f %%", s.values[i])
	if e := s.ends[i]; !math.IsNaN(e[0]) && !math.IsNaN(e[1]) {
		parts += fmt.Sprintf(" (%.1f–%.1f)", e[0], e[1])
	}
	return parts
}
