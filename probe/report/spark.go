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

// WriteSparklines draws clean accuracy and robustness over the parameter of a sweep, each in a line of at most width
// characters, with a mark below the chosen value. Robustness is the mOA, or of a part of the suite the mean of what was run
// ("corrupted"). Every line has a scale of its own. Nothing is written of a run without such a path,
// and nothing is coloured.
func WriteSparklines(w io.Writer, r *result.Result, width int) error {
	names, path := paramNames(r), sparkPath(r)
	if len(names) != 1 || len(path) < 2 {
		return nil
	}
	lines := []sparkline{{"clean", nil}, {"mOA", nil}, {"corrupted", nil}}
	chosen := -1
	for i, m := range path {
		lines[0].values = append(lines[0].values, 100*float64(m.Clean.OA))
		part := unknown
		if !m.Exact.MOA.Known() {
			part = meanCorrupted(r, m)
		}
		lines[1].values = append(lines[1].values, 100*float64(m.Exact.MOA))
		lines[2].values = append(lines[2].values, 100*float64(part))
		if r.Chosen != nil && len(r.Chosen.Params) == 1 && m.Params[0].Value == r.Chosen.Params[0].Value {
			chosen = i
		}
	}
	nameWidth := len("clean ")
	if lines[1].isEmpty() && !lines[2].isEmpty() {
		nameWidth = len("corrupted ")
	}
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

// meanCorrupted returns the mean accuracy over the corruptions that were run.
func meanCorrupted(r *result.Result, m *result.Model) result.Number {
	sum := result.Number(0)
	for _, name := range r.Order {
		sum += corruptionOA(&m.Tested, name) // unknown if one is
	}
	return sum / result.Number(len(r.Order)) // NaN of none
}

type sparkline struct {
	name   string
	values []float64 // in percent
}

func (l sparkline) isEmpty() bool {
	e := newExtent()
	e.include(l.values...)
	return e.low > e.high
}

// text returns the line of the values that are shown; "" if none is known.
func (l sparkline) text(shown []int, nameWidth int, ranges bool) string {
	if l.isEmpty() {
		return ""
	}
	e := newExtent()
	e.include(l.values...)
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
