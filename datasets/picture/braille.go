package picture

import "strings"

// Dots of a braille character, by row and column of its cell.
var brailleDots = [4][2]rune{{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}

// Braille draws points in lines of braille characters, of 2 x 4 dots each: a square of columns characters, which take
// half as many lines, without the empty ones above and below. Depth is not shown.
func Braille(points []float32, f Frame, v View, columns int) []string {
	width := 2 * columns
	lines := make([][]rune, (columns+1)/2)
	for i := range lines {
		lines[i] = []rune(strings.Repeat("\u2800", columns))
	}
	for _, p := range v.project(points, f) {
		x, y := int((p.x/margin+1)/2*float64(width)), int((p.y/margin+1)/2*float64(width))
		if x < width && y < 4*len(lines) {
			lines[y/4][x/2] |= brailleDots[y%4][x%2]
		}
	}
	var text []string
	for _, line := range lines {
		text = append(text, strings.TrimRight(string(line), "\u2800"))
	}
	for len(text) > 0 && text[0] == "" {
		text = text[1:]
	}
	for len(text) > 0 && text[len(text)-1] == "" {
		text = text[:len(text)-1]
	}
	return text
}
