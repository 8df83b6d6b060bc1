package report

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/wiseft/wiseft/probe/bench/result"
)

// sparks are the levels of a line of block characters.
var sparks = []rune("▁▂▃▄▅▆▇█")

// leastSparks is the number of characters of a line below which the figures beside it are left out.
const leastSparks = 8

// WriteSparklines draws clean accuracy and mOA over the parameter of a sweep, each in a line of at most width characters,
// with a mark below the chosen value. Every line has a scale of its own. Nothing is written of a run without such a path,
// and nothing is coloured.
func WriteSparklines(w io.Writer, r *result.Result, width int) error {
	names, path := paramNames(r), sparkPath(r)
	if len(names) != 1 || len(path) < 2 {
		return nil
	}
	lines := []sparkline{{"clean", nil}, {"mOA", nil}}
	chosen := -1
	for i, m := range path {
		lines[0].values = append(lines[0].values, 100*float64(m.Clean.OA))
		lines[1].values = append(lines[1].values, 100*float64(m.Exact.MOA))
		if r.Chosen != nil && len(r.Chosen.Params) == 1 && m.Params[0].Value == r.Chosen.Params[0].Value {
			chosen = i
		}
	}
	const nameWidth = 6
	room, ranges := width-nameWidth-len(" 100.0 to 100.0 %"), true
	if room < leastSparks {
		room, ranges = width-nameWidth, false
	}
	shown := thinned(len(path), room, chosen)
	if len(shown) == 0 {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\nover %s from %.4g to %.4g:\n", printable(names[0]), path[0].Params[0].Value, path[len(path)-1].Params[0].Value)
	for _, l := range lines {
		b.WriteString(l.text(shown, nameWidth, ranges))
	}
	for at, i := range shown {
		if i == chosen {
			b.WriteString(strings.Repeat(" ", nameWidth+at) + "▲\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// sparkPath returns the mixes of a path, ascending by their parameter as the result has them.
func sparkPath(r *result.Result) (path []*result.Model) {
	for _, m := range r.Models {
		if len(m.Params) == 1 && !m.Repaired && m.Statistics == "" {
			path = append(path, m)
		}
	}
	return path
}

type sparkline struct {
	name   string
	values []float64 // in percent
}

// text returns the line of the values that are shown; "" if none is known.
func (l sparkline) text(shown []int, nameWidth int, ranges bool) string {
	e := newExtent()
	e.include(l.values...)
	if e.low > e.high {
		return ""
	}
	var line strings.Builder
	for _, i := range shown {
		v := l.values[i]
		switch {
		case math.IsNaN(v):
			line.WriteRune(' ')
		case e.high-e.low < 0.05: // what is not seen in the figures
			line.WriteRune(sparks[len(sparks)/2])
		default:
			line.WriteRune(sparks[int(math.Round((v-e.low)/(e.high-e.low)*float64(len(sparks)-1)))])
		}
	}
	text := fmt.Sprintf("%-*s%s", nameWidth, l.name, line.String())
	if ranges {
		text += fmt.Sprintf(" %.1f to %.1f %%", e.low, e.high)
	}
	return text + "\n"
}

// thinned returns at most room of n indices at equal distances, with the first, the last and the one to keep; none if
// there is no room.
func thinned(n, room, keep int) (list []int) {
	if room < 3 {
		return nil
	}
	if n <= room {
		room = n
	}
	for i := range room {
		at := i * (n - 1) / (room - 1)
		if next := (i + 1) * (n - 1) / (room - 1); keep >= at && keep < next {
			at = keep
		}
		list = append(list, at)
	}
	return list
}
