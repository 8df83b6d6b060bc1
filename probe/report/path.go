package report

import (
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// point is a model in a plot of two figures.
type point struct {
	x, y  float64
	tip   string // the title of its mark
	label string
	// role is "chosen", "pretrained", "finetuned" or "".
	role   string
	pareto bool
	end    bool
	beside bool // a mix beside the path: repaired, or with another rule of statistics
}

// path draws models as points with labels, joined by a line if they are one sweep.
type path struct {
	points []point
	joined bool
}

// many is the number of points from which on they are drawn small.
const many = 40

// Plot implements plot.Plotter.
func (l *path) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	at := make([]vg.Point, len(l.points))
	for i, q := range l.points {
		at[i] = vg.Point{X: x(q.x), Y: y(q.y)}
	}
	if l.joined {
		var mixed, beside []vg.Point
		for i, q := range l.points {
			if !q.beside {
				mixed = append(mixed, at[i])
			}
			if q.beside || q.end {
				beside = append(beside, at[i])
			}
		}
		c.StrokeLines(draw.LineStyle{Color: cleanColor, Width: vg.Points(1.1)}, mixed)
		if len(mixed) < len(at) {
			c.StrokeLines(draw.LineStyle{Color: robustColor, Width: vg.Points(1.1), Dashes: []vg.Length{4, 2}}, beside)
		}
	}
	for _, pass := range []bool{false, true} { // marked points last, on top of the others
		for i, q := range l.points {
			if marked := q.end || q.role != ""; marked == pass {
				l.drawPoint(&c, q, at[i])
			}
		}
	}
	l.drawLabels(&c, at)
	for i, q := range l.points {
		if every := (len(l.points) + maxTips - 1) / maxTips; q.role != "" || i%every == 0 {
			addTip(&c, at[i], q.tip)
		}
	}
}

// drawPoint draws points of the Pareto set solid, others light, the ends hollow and the chosen one in its colour.
func (l *path) drawPoint(c *draw.Canvas, q point, at vg.Point) {
	radius := l.radius(q)
	c.DrawGlyph(draw.GlyphStyle{Color: paperColor, Radius: radius + 1.2, Shape: draw.CircleGlyph{}}, at)
	var fill color.Color = band(cleanColor)
	switch {
	case q.role == "chosen":
		fill = chosenColor
	case q.pareto:
		fill = cleanColor
	}
	c.DrawGlyph(draw.GlyphStyle{Color: fill, Radius: radius, Shape: draw.CircleGlyph{}}, at)
	if q.role != "chosen" {
		c.SetLineStyle(draw.LineStyle{Color: cleanColor, Width: vg.Points(1)})
		var ring vg.Path
		ring.Move(vg.Point{X: at.X + radius, Y: at.Y})
		ring.Arc(at, radius, 0, 2*math.Pi)
		ring.Close()
		c.Stroke(ring)
	}
}

func (l *path) radius(q point) vg.Length {
	switch {
	case q.role != "":
		return vg.Points(5)
	case len(l.points) > many:
		return vg.Points(1.6)
	default:
		return vg.Points(3.6)
	}
}

// labelText returns a point's label with its role.
func labelText(q point) string {
	if q.role == "" {
		return q.label
	}
	return q.label + "  " + q.role
}

// drawLabels draws labels beside their points where there is room: those of points with a role first, then the
// others; of many points, those of every k-th.
func (l *path) drawLabels(c *draw.Canvas, at []vg.Point) {
	var taken []vg.Rectangle
	for i, q := range l.points {
		taken = append(taken, around(at[i], l.radius(q), l.radius(q)))
	}
	step := 1
	if len(l.points) > many {
		step = len(l.points) / 10
	}
	for _, first := range []bool{true, false} {
		for i, q := range l.points {
			if (q.role != "") != first || q.label == "" || !first && i%step != 0 {
				continue
			}
			style := textStyle(sans(9), inkColor, draw.XCenter, draw.YCenter)
			if q.role == "chosen" {
				style.Color, style.Font = chosenColor, boldSans(9)
			}
			box, ok := labelBox(c, at, taken, i, l.radius(q), style.Width(labelText(q)))
			if !ok && !first {
				continue
			}
			taken = append(taken, box)
			c.FillPolygon(veilColor, corners(box))
			c.FillText(style, vg.Point{X: (box.Min.X + box.Max.X) / 2, Y: (box.Min.Y+box.Max.Y)/2 - 1}, labelText(q))
		}
	}
}

// labelBox finds room for a label around point i: in the direction away from the path first, then in directions ever
// farther from it. It returns the first box if there is none.
func labelBox(c *draw.Canvas, at []vg.Point, taken []vg.Rectangle, i int, radius, width vg.Length) (vg.Rectangle,
	bool) {
	const lineHeight, gap = vg.Length(11), vg.Length(3)
	outward := normal(at, i)
	var first vg.Rectangle
	for k := range 16 {
		turn := float64((k+1)/2) * math.Pi / 8
		if k%2 == 1 {
			turn = -turn
		}
		sin, cos := math.Sincos(outward + turn)
		// The box touches a circle around the point from outside.
		center := vg.Point{
			X: at[i].X + vg.Length(cos)*(radius+gap+width/2),
			Y: at[i].Y + vg.Length(sin)*(radius+gap+lineHeight/2),
		}
		box := around(center, width/2, lineHeight/2)
		if k == 0 {
			first = box
		}
		if isFree(c, box, taken) {
			return box, true
		}
	}
	return first, false
}

func isFree(c *draw.Canvas, box vg.Rectangle, taken []vg.Rectangle) bool {
	if box.Min.X < c.Min.X || box.Max.X > c.Max.X || box.Min.Y < c.Min.Y || box.Max.Y > c.Max.Y {
		return false
	}
	for _, t := range taken {
		if box.Min.X < t.Max.X && t.Min.X < box.Max.X && box.Min.Y < t.Max.Y && t.Min.Y < box.Max.Y {
			return false
		}
	}
	return true
}

func corners(r vg.Rectangle) []vg.Point {
	return []vg.Point{r.Min, {X: r.Max.X, Y: r.Min.Y}, r.Max, {X: r.Min.X, Y: r.Max.Y}}
}

func around(at vg.Point, dx, dy vg.Length) vg.Rectangle {
	return vg.Rectangle{Min: vg.Point{X: at.X - dx, Y: at.Y - dy}, Max: vg.Point{X: at.X + dx, Y: at.Y + dy}}
}

// normal returns the direction, in radians, away from the path at point i. The path of a sweep bends to the right as
// alpha rises, so that its outer side is on the left.
func normal(at []vg.Point, i int) float64 {
	a, b := at[max(i-1, 0)], at[min(i+1, len(at)-1)]
	return math.Atan2(float64(b.X-a.X), float64(a.Y-b.Y))
}
