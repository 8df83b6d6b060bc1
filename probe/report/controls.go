package report

import (
	"fmt"
	"math"

	"github.com/wiseft/wiseft/internal/text"
	"github.com/wiseft/wiseft/probe/bench/result"
	"gonum.org/v1/gonum/stat"
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
			if x.ID == result.Ensemble && x.Head == head && (c == nil || math.Abs(*x.Alpha-want) < math.Abs(*c.Alpha-want)) {
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

// floorText describes what probes reach on the network with random weights; "" if it was not measured.
func floorText(r *result.Result) string {
	var clean, robust []float64
	for _, c := range r.Controls {
		if c.ID != result.Ensemble {
			clean, robust = append(clean, 100*float64(c.Clean.OA)), append(robust, 100*float64(c.Exact.MOA))
		}
	}
	if len(clean) == 0 {
		return ""
	}
	line := fmt.Sprintf("floor, probes on the network with random weights (%s): %s clean", text.Count(len(clean), "seed"),
		spread(clean))
	if !math.IsNaN(robust[0]) {
		line += fmt.Sprintf(", %s mOA", spread(robust))
	}
	return line
}

// spread writes the mean and, of several figures, their standard deviation.
func spread(list []float64) string {
	mean, deviation := stat.MeanStdDev(list, nil)
	if len(list) == 1 {
		return fmt.Sprintf("%.1f", mean)
	}
	return fmt.Sprintf("%.1f ± %.1f", mean, deviation)
}

// controlName names a control in tables.
func controlName(c *result.Control) string {
	if c.ID == result.Ensemble {
		return fmt.Sprintf("averaged answers, alpha %.4g", *c.Alpha)
	}
	return c.ID
}

// controlsSheet has the figures of the alternatives to mixes.
func controlsSheet(r *result.Result) sheet {
	s := sheet{ID: "controls", Title: "Alternatives to a mix", Head: []string{"what", "head", "clean"},
		Caption: "Averaged answers: (1 - alpha) times the class scores of alpha 0 plus alpha times those of alpha 1, two models " +
			"at inference where a mix is one. Random: a probe on the network with random weights"}
	s.Head = append(s.Head, r.Order...)
	if len(r.Order) > 0 {
		s.Head = append(s.Head, "mOA")
	}
	for _, c := range r.Controls {
		line := row{Cells: []string{controlName(c), c.Head, percent(c.Clean.OA)}}
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
