package arrays

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/wiseft/wiseft/datasets/npy"
	"github.com/wiseft/wiseft/internal/numeric"
)

// Labels are the classes of samples.
type Labels struct {
	Y       []int64
	Classes []string // names by class; nil where there are none
	// Note says how the classes were made from what is stored; "" for numbers that were taken as they are.
	Note string
}

// noLabel is datasets.NoLabel.
const noLabel = -1

// ReadLabels reads one label for each of n samples: integers, booleans or floats that are whole numbers, of shape (n,)
// or (n,1); rows (n,k) with a single 1 each; or text, which becomes the places of the names in classes or, if that is
// nil, in the sorted list of all names. Errors do not name the array.
func ReadLabels(rows *npy.Rows, n int, classes []string) (*Labels, error) {
	shape := rows.Shape
	if len(shape) < 1 || len(shape) > 2 || shape[0] != n || len(shape) == 2 && shape[1] == 0 {
		return nil, fmt.Errorf("has shape %v, want [%d] or [%d 1]: one label a sample", shape, n, n)
	}
	width := rows.Len() / max(1, n)
	if rows.IsText() {
		if width > 1 {
			return nil, fmt.Errorf("has shape %v, want [%d] or [%d 1]: one label a sample", shape, n, n)
		}
		names, err := rows.Strings()
		if err != nil {
			return nil, err
		}
		return FromText(names, classes)
	}
	values, err := rows.Int64s()
	if err != nil {
		return nil, err
	}
	if width > 1 {
		return fromOneHot(values, width, classes)
	}
	return FromNumbers(values, classes)
}

// FromNumbers takes numbers as classes. If there are -1 and 1 alone, they are two classes: -1 stands for no label, but
// not beside a single class.
func FromNumbers(y []int64, classes []string) (*Labels, error) {
	l := &Labels{Y: y, Classes: classes}
	if classes == nil && len(y) > 0 && slices.Min(y) == -1 && slices.Max(y) == 1 && !slices.Contains(y, 0) {
		l.Y, l.Classes, l.Note = make([]int64, len(y)), []string{"-1", "1"}, "labels -1 and 1 are the classes 0 and 1"
		for i, v := range y {
			l.Y[i] = (v + 1) / 2
		}
	}
	for i, v := range l.Y {
		if v < noLabel {
			return nil, fmt.Errorf("sample %d has label %d; labels count from 0, and %d stands for none", i, v, noLabel)
		}
		if k := len(l.Classes); k > 0 && v >= int64(k) {
			return nil, fmt.Errorf("sample %d has label %d, but there are %d class names", i, v, k)
		}
	}
	return l, nil
}

// fromOneHot takes the place of the 1 in each row as its class.
func fromOneHot(values []int64, width int, classes []string) (*Labels, error) {
	l := &Labels{Classes: classes, Note: fmt.Sprintf("labels are rows of %d with a single 1, whose place is the class", width)}
	if classes != nil && len(classes) != width {
		return nil, fmt.Errorf("has rows of %d, but there are %d class names", width, len(classes))
	}
	for i := 0; i < len(values); i += width {
		row := values[i : i+width]
		at := slices.Index(row, 1)
		if at < 0 || slices.Min(row) != 0 || slices.Max(row) != 1 || slices.Contains(row[at+1:], 1) {
			return nil, fmt.Errorf("sample %d has the row %.60s, want one label a sample, or rows with a single 1 and zeros",
				i/width, fmt.Sprint(row))
		}
		l.Y = append(l.Y, int64(at))
	}
	return l, nil
}

// FromText takes the places of names as classes: in a list of all names, or if that is nil among the sorted names. An
// empty name is an error.
func FromText(names, classes []string) (*Labels, error) {
	l := &Labels{Y: make([]int64, len(names)), Classes: classes}
	if classes == nil {
		set := map[string]bool{}
		for _, name := range names {
			set[name] = true
		}
		l.Classes = slices.Sorted(maps.Keys(set))
		l.Note = fmt.Sprintf("labels are text, whose %d names in alphabetical order are the classes", len(l.Classes))
	}
	place := make(map[string]int64, len(l.Classes))
	for i, name := range l.Classes {
		place[name] = int64(i)
	}
	for i, name := range names {
		at, ok := place[name]
		if name == "" {
			return nil, fmt.Errorf("sample %d has an empty label", i)
		}
		if !ok {
			return nil, fmt.Errorf("sample %d has label %q, which is none of the %d class names", i, name, len(l.Classes))
		}
		l.Y[i] = at
	}
	return l, nil
}

// Read finds and reads the labels of the samples of an archive or folder, for which Find has returned r. Without
// labels, all are -1.
func (r Roles) Read(a Source, n int) (_ *Labels, err error) {
	var classes []string
	if r.Classes != "" {
		if classes, err = readStrings(a, r.Classes); err != nil {
			return nil, err
		}
	}
	if r.Labels == "" {
		return &Labels{Y: slices.Repeat([]int64{noLabel}, n), Classes: classes}, nil
	}
	rows, err := a.Rows(r.Labels)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	l, err := ReadLabels(rows, n, classes)
	if err != nil {
		return nil, fmt.Errorf("array %q: %w", r.Labels, err)
	}
	return l, nil
}

// readStrings reads an array of text.
func readStrings(a Source, name string) (_ []string, err error) {
	rows, err := a.Rows(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	list, err := rows.Strings()
	if err != nil {
		return nil, fmt.Errorf("array %q: %w", name, err)
	}
	return list, nil
}

// maxLabelText bounds a text file of labels, in bytes.
const maxLabelText = 64 << 20

// ReadFile reads the labels of n samples from a file of their own: an NPY file, or a text file with a label a line.
// Errors do not name the file.
func ReadFile(r io.ReaderAt, size int64, n int) (_ *Labels, err error) {
	head := make([]byte, min(int64(len(npy.Magic)), size))
	if _, err := r.ReadAt(head, 0); err != nil && err != io.EOF {
		return nil, err
	}
	if string(head) == npy.Magic {
		rows, err := npy.OpenArray(r, size)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		return ReadLabels(rows, n, nil)
	}
	if size > maxLabelText {
		return nil, fmt.Errorf("has %d bytes; labels as text have at most %d", size, maxLabelText)
	}
	text, err := io.ReadAll(io.NewSectionReader(r, 0, size))
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 {
		return nil, errors.New("is neither an NPY file nor text with a label a line")
	}
	lines := strings.Split(strings.TrimRight(string(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))), "\r\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	if len(lines) != n {
		return nil, fmt.Errorf("has %d lines for %d samples", len(lines), n)
	}
	return FromWords(lines)
}

// FromWords takes words as classes: as numbers if all are numbers, which must be whole, else as text.
func FromWords(words []string) (*Labels, error) {
	y := make([]int64, len(words))
	fraction := -1 // the first sample with a number that is not whole
	for i, word := range words {
		v, err := strconv.ParseFloat(word, 64)
		if err != nil {
			return FromText(words, nil)
		}
		var whole bool
		if y[i], whole = numeric.Whole(v); !whole && fraction < 0 {
			fraction = i
		}
	}
	if fraction >= 0 {
		return nil, fmt.Errorf("sample %d has label %s, want a whole number", fraction, words[fraction])
	}
	return FromNumbers(y, nil)
}
