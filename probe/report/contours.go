package report

import (
	"fmt"

	"github.com/wiseft/wiseft/probe/bench/result"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// lossGrid is the grid of a landscape.
type lossGrid struct {
	points  []result.LandscapePoint
	side    int
	highest float64 // of the known losses
}

func newLossGrid(l *result.Landscape) *lossGrid {
	g := &lossGrid{points: l.Of(result.GridPoint), side: l.Side}
	e := newExtent()
	for _, p := range g.points {
		e.include(float64(p.Loss))
	}
	g.highest = e.high
	return g
}

func (g *lossGrid) x(column int) float64 { return g.points[column].X }
func (g *lossGrid) y(row int) float64    { return g.points[row*g.side].Y }

// loss returns that of a point of the grid; the highest one where it is not known.
func (g *lossGrid) loss(column, row int) float64 {
	if v := g.points[row*g.side+column].Loss; v.Known() {
		return float64(v)
	}
	return g.highest
}

// lines is how many lines of equal loss there are.
const lines = 9

// levels returns the losses of the lines: closer together near the minimum, where a loss is flat.
func (g *lossGrid) levels() (list []float64) {
	e := newExtent()
	for _, p := range g.points {
		e.include(float64(p.Loss))
	}
	if !(e.high > e.low) {
		return nil
	}
	for i := range lines {
		share := (float64(i) + 0.5) / lines
		list = append(list, e.low+share*share*(e.high-e.low))
	}
	return list
}

// contours draws lines of equal loss, with their losses. Between points of the grid the loss is interpolated linearly.
type contours struct {
	grid   *lossGrid
	levels []float64
}

// Plot implements plot.Plotter.
func (m *contours) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	at := func(q [2]float64) vg.Point { return vg.Point{X: x(q[0]), Y: y(q[1])} }
	c.SetLineStyle(draw.LineStyle{Color: cleanColor, Width: vg.Points(0.9)})
	for _, level := range m.levels {
		var line vg.Path
		for _, s := range m.grid.segments(level) {
			line.Move(at(s[0]))
			line.Line(at(s[1]))
		}
		if len(line) > 0 {
			c.Stroke(line)
		}
	}
	m.label(&c, at)
}

// label writes the losses of the lines, where they cross the middle row of the grid or one near it.
func (m *contours) label(c *draw.Canvas, at func([2]float64) vg.Point) {
	style := textStyle(sans(8), mutedColor, draw.XCenter, draw.YCenter)
	var taken []vg.Rectangle
	for _, level := range m.levels {
		text := fmt.Sprintf("%.3g", level)
		for _, q := range m.grid.crossings(level) {
			box := around(at(q), style.Width(text)/2+1, 5)
			if !isFree(c, box, taken) {
				continue
			}
			taken = append(taken, box)
			c.FillPolygon(veilColor, corners(box))
			c.FillText(style, at(q), text)
			break
		}
	}
}

// segments returns the line of a level in every cell of the grid, by marching squares. In a saddle the mean of the corners
// decides which of them are connected.
func (g *lossGrid) segments(level float64) (list [][2][2]float64) {
	for row := range g.side - 1 {
		for column := range g.side - 1 {
			cuts := g.cuts(column, row, level)
			switch len(cuts) {
			case 2:
				list = append(list, [2][2]float64{cuts[0], cuts[1]})
			case 4: // on the sides below, right, above and left
				mean := (g.loss(column, row) + g.loss(column+1, row) + g.loss(column, row+1) + g.loss(column+1, row+1)) / 4
				if (mean < level) == (g.loss(column, row) < level) {
					cuts[1], cuts[3] = cuts[3], cuts[1] // the lines cut off the other two corners
				}
				list = append(list, [2][2]float64{cuts[0], cuts[3]}, [2][2]float64{cuts[1], cuts[2]})
			}
		}
	}
	return list
}

// cuts returns where a level crosses the sides of a cell: those below, right, above and left.
func (g *lossGrid) cuts(column, row int, level float64) (list [][2]float64) {
	around := [5][2]int{{column, row}, {column + 1, row}, {column + 1, row + 1}, {column, row + 1}, {column, row}}
	for i, p := range around[:4] {
		if q := around[i+1]; (g.loss(p[0], p[1]) < level) != (g.loss(q[0], q[1]) < level) {
			list = append(list, g.between(p, q, level))
		}
	}
	return list
}

// between returns where a level is between two points of the grid, the same for both orders of these.
func (g *lossGrid) between(p, q [2]int, level float64) [2]float64 {
	if q[0] < p[0] || q[1] < p[1] {
		p, q = q, p
	}
	a, b := g.loss(p[0], p[1]), g.loss(q[0], q[1])
	t := (level - a) / (b - a)
	return [2]float64{g.x(p[0]) + t*(g.x(q[0])-g.x(p[0])), g.y(p[1]) + t*(g.y(q[1])-g.y(p[1]))}
}

// crossings returns where a level crosses rows of the grid, those nearest to the middle first.
func (g *lossGrid) crossings(level float64) (list [][2]float64) {
	for k := range g.side {
		row := (g.side/2 + (k+1)/2*(1-2*(k%2)) + g.side) % g.side
		for i := range g.side - 1 {
			if (g.loss(i, row) < level) != (g.loss(i+1, row) < level) {
				list = append(list, g.between([2]int{i, row}, [2]int{i + 1, row}, level))
			}
		}
	}
	return list
}
