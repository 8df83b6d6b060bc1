package datasets

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

func init() {
	registerFiles(fileFormat{
		name: "xyz",
		doc: "text files with a point a line: x, y and z first, or where a heading names them; separated by spaces, tabs, " +
			"commas or semicolons",
		extensions: []string{".xyz", ".txt", ".csv", ".pts"},
		match: func(head []byte) bool {
			// The last line may be cut off, and so may the points that a first line counts.
			if at := bytes.LastIndexByte(head, '\n'); at >= 0 {
				head = head[:at]
			}
			t := textCloud{isPart: true}
			return t.read(head) == nil
		},
		decode: decodeXYZ,
		unless: matchModelNetText,
	})
}

// decodeXYZ reads the points of a text file. Every line must have the same number of columns, of which three are read:
// those that a heading names x, y and z, or the first three. A first line may be a heading, which has no number, or the
// number of points. Blank lines and lines that begin with # are skipped.
//
// A comma is the decimal sign if another separator stands between numbers and no number has a point.
func decodeXYZ(dst []float32, file []byte, _ fileOptions) ([]float32, error) {
	t := textCloud{points: dst, first: len(dst)}
	err := t.read(file)
	return t.points, err
}

// maxLine bounds a line of a text file, in bytes: a point with a hundred columns has about a thousand, and splitting a line
// into words takes a dozen times its size.
const maxLine = 1 << 16

// checkLine refuses a line that is longer than maxLine.
func checkLine(line []byte) error {
	if len(line) > maxLine {
		return fmt.Errorf("has %d bytes; a line of a text cloud has at most %d", len(line), maxLine)
	}
	return nil
}

// textCloud is a text file that is being read.
type textCloud struct {
	points  []float32
	first   int    // of points, in elements
	columns int    // of every line; 0 before the first
	at      [3]int // columns of x, y and z
	named   int    // columns of the heading; 0 without one
	count   int    // of points, from a first line; -1 without one
	split   separators
	isPart  bool // the file may be cut off
}

// read reads all lines.
func (t *textCloud) read(file []byte) error {
	if bytes.HasPrefix(file, []byte("\xff\xfe")) || bytes.HasPrefix(file, []byte("\xfe\xff")) {
		return errors.New("is text in UTF-16; save it in UTF-8")
	}
	file = bytes.TrimPrefix(file, []byte("\xef\xbb\xbf")) // the byte order mark of UTF-8
	t.at, t.count = [3]int{0, 1, 2}, -1
	number := 0
	for line := range bytes.Lines(file) {
		number++
		err := checkLine(line)
		if err == nil {
			err = t.line(bytes.TrimSpace(line))
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
	}
	n := (len(t.points) - t.first) / 3
	if n == 0 {
		return errors.New("has no points")
	}
	if t.count >= 0 && t.count != n && !t.isPart {
		return fmt.Errorf("has %d points, and its first line says %d", n, t.count)
	}
	return nil
}

// line reads a line without the white space around it.
func (t *textCloud) line(line []byte) error {
	switch {
	case len(line) == 0 || line[0] == '#':
		return nil
	case t.columns > 0:
		return t.point(line)
	}
	if t.named == 0 && t.count < 0 {
		if words := headingWords(line); words != nil {
			return t.heading(words)
		}
		if n, err := strconv.Atoi(string(line)); err == nil && n >= 0 {
			t.count = n
			return nil
		}
	}
	var err error
	if t.split, err = findSeparators(line); err != nil {
		return err
	}
	words := t.split.words(line)
	if t.columns = len(words); t.columns < 3 {
		return fmt.Errorf("has %d numbers, want 3 or more", len(words))
	}
	if t.named > 0 && t.named != t.columns {
		return fmt.Errorf("has %d columns, and the heading names %d", t.columns, t.named)
	}
	return t.point(line)
}

// point reads a line of numbers.
func (t *textCloud) point(line []byte) error {
	words := t.split.words(line)
	if len(words) != t.columns {
		return fmt.Errorf("has %d numbers, want %d", len(words), t.columns)
	}
	for k, column := range t.at {
		word := words[column]
		if t.split.decimalComma {
			word = bytes.Replace(word, []byte{','}, []byte{'.'}, 1)
		}
		v, err := parseFloat(word)
		if err != nil {
			return fmt.Errorf("%c is %.40q, want a number", "xyz"[k], words[column])
		}
		t.points = append(t.points, v)
	}
	return nil
}

// headingWords returns the names of a heading: words of which none begins like a number; nil if the line is none.
func headingWords(line []byte) (words []string) {
	line = bytes.TrimLeft(line, "/") // CloudCompare writes //X Y Z
	fields := bytes.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t,;", r) })
	for _, f := range fields {
		name := strings.Trim(string(f), `"'`)
		if name == "" || strings.ContainsRune("+-.0123456789", rune(name[0])) {
			return nil
		}
		if _, err := parseFloat([]byte(name)); err == nil {
			return nil // nan, inf
		}
		words = append(words, strings.ToLower(name))
	}
	return words
}

// coordinateNames are the names that headings have for x, y and z.
var coordinateNames = [3][]string{
	{"x", "px", "pos_x", "points:0"},
	{"y", "py", "pos_y", "points:1"},
	{"z", "pz", "pos_z", "points:2"},
}

// heading takes the columns of x, y and z from a heading. One of three other names says nothing about their order.
func (t *textCloud) heading(words []string) error {
	t.named = len(words)
	for k, names := range coordinateNames {
		t.at[k] = slices.IndexFunc(words, func(w string) bool { return slices.Contains(names, w) })
	}
	found := 0
	for _, at := range t.at {
		if at >= 0 {
			found++
		}
	}
	switch {
	case found == 3:
		return nil
	case found == 0 && len(words) == 3:
		t.at = [3]int{0, 1, 2}
		return nil
	}
	return fmt.Errorf("the heading %.80q does not name the columns x, y and z", strings.Join(words, " "))
}

// separators are what stands between the numbers of a line.
type separators struct {
	cut          string // its characters
	decimalComma bool
}

// findSeparators finds the separators of a line of numbers. A semicolon, a tab or a space between numbers makes commas
// inside of these decimal signs.
func findSeparators(line []byte) (separators, error) {
	if !bytes.ContainsAny(line, " \t;") {
		return separators{cut: ","}, nil
	}
	s := separators{cut: " \t"}
	if bytes.IndexByte(line, ';') >= 0 {
		s.cut = "; \t"
	}
	inside, points, words := 0, 0, s.words(line)
	for _, w := range words {
		w = bytes.Trim(w, ",") // "1, 2, 3"
		if bytes.IndexByte(w, ',') >= 0 {
			inside++
		}
		if bytes.IndexByte(w, '.') >= 0 {
			points++
		}
	}
	switch {
	case inside == 0:
		s.cut += ","
		return s, nil
	case points > 0:
		return s, fmt.Errorf("%.40q has commas inside of numbers, and points", line)
	}
	s.decimalComma = true
	return s, nil
}

// words divides a line.
func (s separators) words(line []byte) [][]byte {
	return bytes.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(s.cut, r) })
}

// parseFloat reads a number as float32. One that is too large becomes infinite; the check for finite values refuses
// it later and names its place.
func parseFloat(word []byte) (float32, error) {
	v, err := strconv.ParseFloat(string(word), 32)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, err
	}
	return float32(v), nil
}
