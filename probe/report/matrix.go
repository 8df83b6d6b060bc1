package report

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"

	"github.com/wiseft/wiseft/probe/bench/result"
)

const (
	// maxMatrix is the largest number of classes of a matrix; of more, the table of changed confusions remains.
	maxMatrix = 60
	// maxNamed is up to how many classes a matrix has names and counts in it.
	maxNamed = 12
)

// matrix is a confusion matrix, row = class, column = prediction, for the page.
type matrix struct {
	id, title string
	names     []string
	cells     []matrixCell
	signed    bool
}

// matrixCell is a cell with at least one answer.
type matrixCell struct {
	row, column, count, of int
}

// matrices returns the confusion matrices of the model, of the one that it is compared with, and their difference: on
// clean data, and under all corruptions together.
func matrices(r *result.Result) (list []pageFigure) {
	c := r.Changes
	if c == nil || len(c.Confusion) == 0 {
		return nil
	}
	at := map[int]int{}
	for _, pair := range c.Confusion {
		for _, label := range []int{pair.Label, pair.Prediction} {
			at[label] = 0
		}
	}
	if len(at) > maxMatrix {
		return nil
	}
	names := indexClasses(r, at)
	for _, data := range []struct {
		name   string
		counts func(*result.Confused) (model, against int)
	}{
		{"clean data", func(p *result.Confused) (int, int) { return p.Model, p.Against }},
		{"all corruptions", func(p *result.Confused) (int, int) { return p.ModelCorrupted, p.AgainstCorrupted }},
	} {
		list = append(list, matricesOf(r, data.name, names, at, data.counts)...)
	}
	return list
}

// indexClasses sets the row of every class, and returns their names in the order of the rows.
func indexClasses(r *result.Result, at map[int]int) (names []string) {
	for _, label := range sortedKeys(at) {
		at[label] = len(names)
		names = append(names, className(r, label))
	}
	return names
}

func matricesOf(r *result.Result, data string, names []string, at map[int]int,
	counts func(*result.Confused) (model, against int)) (list []pageFigure) {
	c := r.Changes
	of := make([]int, len(names))
	for _, pair := range c.Confusion {
		n, _ := counts(pair)
		of[at[pair.Label]] += n
	}
	if sum(of) == 0 {
		return nil
	}
	add := func(title string, signed bool, count func(model, against int) int) {
		m := matrix{id: fmt.Sprintf("matrix-%s-%d", strings.ReplaceAll(data, " ", "-"), len(list)+1), title: title + ", " + data,
			names: names, signed: signed}
		for _, pair := range c.Confusion {
			if n := count(counts(pair)); n != 0 {
				m.cells = append(m.cells, matrixCell{at[pair.Label], at[pair.Prediction], n, of[at[pair.Label]]})
			}
		}
		list = append(list, pageFigure{Title: m.title, SVG: m.svg()})
	}
	add(c.Model, false, func(model, _ int) int { return model })
	if hasChanges(r) {
		add(c.Against, false, func(_, against int) int { return against })
		add("difference", true, func(model, against int) int { return model - against })
	}
	return list
}

// svg draws the matrix. Every cell has its classes and count as a title.
func (m *matrix) svg() template.HTML {
	n := len(m.names)
	isNamed := n <= maxNamed
	const side = 480.0
	left, top := 4.0, 4.0
	if isNamed {
		left, top = 110, 64
	}
	cell := (side - left) / float64(max(n, 1))
	height := top + cell*float64(n) + 4
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %g %.6g" role="img" aria-labelledby="%s-title %[3]s-desc">`, side, height, m.id)
	b.WriteString(titleElements(m.id, m.title, m.description()))
	fmt.Fprintf(&b, `<rect class="matrix" x="%g" y="%g" width="%.6g" height="%.6g"/>`, left, top, cell*float64(n), cell*float64(n))
	for _, c := range m.cells {
		class, count := m.cellClass(c), fmt.Sprint(c.count)
		if m.signed {
			count = signedCount(c.count)
		}
		x, y := left+cell*float64(c.column), top+cell*float64(c.row)
		fmt.Fprintf(&b, `<g><title>%s</title><rect class="%s" x="%.6g" y="%.6g" width="%.6g" height="%.6g"/>`,
			svgText(fmt.Sprintf("%s taken for %s: %s of %d", m.names[c.row], m.names[c.column], count, c.of)), class, x+0.5, y+0.5,
			cell-1, cell-1)
		if isNamed {
			fmt.Fprintf(&b, `<text class="count" x="%.6g" y="%.6g">%s</text>`, x+cell/2, y+cell/2+4, count)
		}
		b.WriteString("</g>")
	}
	if isNamed {
		m.writeNames(&b, left, top, cell)
	}
	b.WriteString("</svg>")
	return template.HTML(b.String())
}

// writeNames writes the classes beside the rows and, inclined, above the columns.
func (m *matrix) writeNames(b *strings.Builder, left, top, cell float64) {
	for i, name := range m.names {
		at := cell*float64(i) + cell/2
		text := svgText(shortenTo(name, 16))
		fmt.Fprintf(b, `<text class="row" x="%g" y="%.6g">%s</text>`, left-6, top+at+4, text)
		fmt.Fprintf(b, `<text class="column" transform="translate(%.6g %g) rotate(-40)">%s</text>`, left+at-2, top-6, text)
	}
}

// cellClass returns the CSS class of a cell's colour: by its share of the row, in differences from −1 to 1.
func (m *matrix) cellClass(c matrixCell) string {
	share := float64(c.count) / float64(max(c.of, 1))
	if m.signed {
		// The root makes small differences visible.
		root := math.Copysign(math.Sqrt(min(math.Abs(share), 1)), share)
		return signedClass(int(math.Round((root + 1) / 2 * (shades - 1))))
	}
	return shadeClass(int(math.Round(min(share, 1) * (shades - 1))))
}

func (m *matrix) description() string {
	right, all := 0, 0
	for _, c := range m.cells {
		all += c.count
		if c.row == c.column {
			right += c.count
		}
	}
	if m.signed {
		return fmt.Sprintf("Confusion matrix of %d classes: on the diagonal %s answers by merging.", len(m.names), signedCount(right))
	}
	return fmt.Sprintf("Confusion matrix of %d classes: %d of %d answers are on the diagonal.", len(m.names), right, all)
}

// svgText escapes text for an SVG element; characters that XML does not have are replaced.
func svgText(s string) string { return html.EscapeString(printable(s)) }

// shortenTo cuts text to n characters.
func shortenTo(s string, n int) string {
	if runes := []rune(s); len(runes) > n {
		return string(runes[:n-1]) + "…"
	}
	return s
}
