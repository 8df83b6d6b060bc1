package report

import (
	"fmt"
	"math"

	"github.com/wiseft/wiseft/probe/bench/result"
)

// controlText describes the averaged answers at the alpha of the chosen mix, or else in the middle; "" without any.
func controlText(r *result.Result) string {
	want := 0.5
	if r.Chosen != nil && r.Chosen.Alpha != nil && *r.Chosen.Alpha > 0 && *r.Chosen.Alpha < 1 {
		want = *r.Chosen.Alpha
	}
	text := ""
	for _, head := range []string{"probe", "own"} {
		var c *result.Control
		for _, x := range r.Controls {
			if x.Head == head && (c == nil || math.Abs(*x.Alpha-want) < math.Abs(*c.Alpha-want)) {
				c = x
			}
		}
		if c == nil {
			continue
		}
		if text == "" {
			text = fmt.Sprintf("averaged answers of both ends, alpha %.4g (two models at inference):", *c.Alpha)
		} else {
			text += ";"
		}
		text += fmt.Sprintf(" %s %s clean", head, percent(c.Clean.OA))
		if c.MOA.Known() {
			text += fmt.Sprintf(", %s mOA", percent(c.MOA))
		}
	}
	return text
}

// controlsSheet has the figures of the averaged answers.
func controlsSheet(r *result.Result) sheet {
	s := sheet{ID: "controls", Title: "Averaged answers of both ends", Head: []string{"alpha", "head", "clean"},
		Caption: "(1 - alpha) times the class scores of alpha 0 plus alpha times those of alpha 1: two models at inference, " +
			"where a mix is one"}
	s.Head = append(s.Head, r.Order...)
	if len(r.Order) > 0 {
		s.Head = append(s.Head, "mOA")
	}
	for _, c := range r.Controls {
		line := row{Cells: []string{fmt.Sprintf("%.4g", *c.Alpha), c.Head, percent(c.Clean.OA)}}
		for _, name := range r.Order {
			line.Cells = append(line.Cells, percent(corruptionOA(&c.Tested, name)))
		}
		if len(r.Order) > 0 {
			line.Cells = append(line.Cells, percent(c.MOA))
		}
		s.Rows = append(s.Rows, line)
	}
	return s
}
